"""The growing segment and its growing part: numbers, times and sizes, and the marks that end them."""

from engine.protocols.hls.cut_settings import MIN_PART_US
from engine.protocols.hls.marks import Mark, PartEnd, SegmentBegin, SegmentEnd


class SegmentShape:
    """msn and part are the numbers of what grows, or will grow next.

    A segment is open from the sample it is cut at, and begun with its first chunk: until then it may still
    learn of more tracks. Times are decoding times; each part begins where the one before it ended, so that
    the durations of parts add up to the segment's.
    """

    def __init__(self, next_msn: int, *, has_parts: bool) -> None:
        self._has_parts = has_parts
        self.msn = next_msn
        self.part = 0
        self.open = self.begun = False
        self.independent = self.part_independent = False
        self.discontinuity = False
        self.start_us = self.part_start_us = 0
        self.size_bytes = self.part_bytes = 0

    def begin(self, at_us: int, *, independent: bool, discontinuity: bool) -> None:
        """Open the next segment."""
        self.open, self.begun = True, False
        self.discontinuity = discontinuity
        self.start_us, self.size_bytes, self.part = at_us, 0, 0
        self.independent = independent
        self._begin_part(at_us, independent)

    def mark_begun(self, init: int, began_us: int) -> SegmentBegin:
        """Say that the segment is there: its first chunk follows."""
        self.begun = True
        return SegmentBegin(
            msn=self.msn,
            began_us=began_us,
            init=init,
            discontinuity=self.discontinuity,
            independent=self.independent,
        )

    def become_independent(self) -> None:
        """What is to be the first picture is a keyframe after all."""
        self.independent = self.part_independent = True

    def add(self, size_bytes: int) -> None:
        """A chunk has been made."""
        self.size_bytes += size_bytes
        self.part_bytes += size_bytes

    def cut_part(self, at_us: int, *, independent: bool) -> list[Mark]:
        """End the part and begin the next one."""
        marks = self._end_part(at_us)
        self._begin_part(at_us, independent)
        return marks

    def close(self, at_us: int) -> list[Mark]:
        """End part and segment. A part without a byte has never been, nor has such a segment."""
        self.open = False
        if not self.begun:
            return []
        end_us = self.part_start_us
        marks: list[Mark] = []
        if self.part_bytes:
            end_us = max(at_us, self.part_start_us + MIN_PART_US)
            marks = self._end_part(end_us)
        marks.append(
            SegmentEnd(
                msn=self.msn, duration_us=end_us - self.start_us, size_bytes=self.size_bytes, gap=False
            )
        )
        self.part_start_us = end_us
        self.msn += 1
        return marks

    def _begin_part(self, at_us: int, independent: bool) -> None:
        self.part_start_us, self.part_bytes, self.part_independent = at_us, 0, independent

    def _end_part(self, at_us: int) -> list[Mark]:
        if not self._has_parts:
            return []
        mark = PartEnd(
            msn=self.msn,
            part=self.part,
            duration_us=at_us - self.part_start_us,
            independent=self.part_independent,
            size_bytes=self.part_bytes,
            first_seq=0,
            stop_seq=0,
        )
        self.part += 1
        return [mark]
