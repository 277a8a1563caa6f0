"""What both packaging machines do alike: take tags, know their tracks and times, open segments, and end.

They differ in what they hold back and in what they cut: `cutter.py` and `ts_cutter.py` have the methods that
are abstract here.
"""

from abc import ABC, abstractmethod

from engine.media.flags import START
from engine.media.tags import KIND_AUDIO, KIND_VIDEO, Body
from engine.protocols.fmp4 import Sample, Tracks
from engine.protocols.hls.change_budget import ChangeBudget
from engine.protocols.hls.cut_outputs import Output
from engine.protocols.hls.cut_settings import MAX_BACKWARDS_US, CutSettings, CutTimes
from engine.protocols.hls.dates import SegmentDates
from engine.protocols.hls.marks import StreamEnd
from engine.protocols.hls.segment_shape import SegmentShape
from engine.protocols.hls.track_queue import TrackQueue


class CutterBase(ABC):
    """One stream.

    `skipped` counts media outside any segment, before the first start point or of unknown tracks;
    `forced_cuts` segments that had to begin without a keyframe; `gaps` jumps of time beyond all sense;
    `refused` frames that were left out because their tracks had changed too often.
    """

    def __init__(
        self, settings: CutSettings, next_msn: int, dates: SegmentDates | None, *, has_parts: bool
    ) -> None:
        self.skipped = self.forced_cuts = self.gaps = self.refused = 0
        self._times = CutTimes.of(settings)
        self._tracks = Tracks()
        self._version = -1
        self._changes = ChangeBudget()
        self._queues = {KIND_VIDEO: TrackQueue(KIND_VIDEO), KIND_AUDIO: TrackQueue(KIND_AUDIO)}
        self._shape = SegmentShape(next_msn, has_parts=has_parts)
        self._dates = dates or SegmentDates()
        self._broken = next_msn > 0  # what comes next does not continue what was
        self._over = False
        self._newest_us = 0
        self._chunk_us = 0  # where the growing chunk began
        self._wall_us = 0  # at the newest tag
        self._out: list[Output] = []

    def take(self, kind: int, flags: int, dts_us: int, pts_us: int, body: Body, wall_us: int) -> list[Output]:
        """Take one tag: FLV kind, flags of `engine.media.flags`, times, its body, and the date it came."""
        if self._over or kind not in self._queues:
            return []
        sample = self._tracks.take(kind, dts_us, pts_us, body)
        if sample is None:
            self._take_aside(kind, flags, dts_us, pts_us, body)
        elif self._may_follow(sample, wall_us):
            self._wall_us = wall_us
            self._take_sample(sample, bool(flags & START), pts_us, body)
        else:
            self.refused += 1
        return self._give()

    def break_off(self, *, forget_tracks: bool = False) -> list[Output]:
        """What follows does not continue what was: end the segment as it is, and wait for a start point.

        forget_tracks: the headers will be given anew, and what they do not name is no longer there.
        """
        self._break_off()
        if forget_tracks:
            self._dates.part()
            self._forget_tracks()
        return self._give()

    def finish(self) -> list[Output]:
        """The stream is over. Nothing is taken after that."""
        if not self._over:
            self._break_off()
            self._out.append(StreamEnd())
            self._over = True
        return self._give()

    # What differs

    @abstractmethod
    def _take_aside(self, kind: int, flags: int, dts_us: int, pts_us: int, body: Body) -> None:
        """A tag that is no frame."""

    @abstractmethod
    def _change_tracks(self, sample: Sample, start: bool) -> None:
        """Go on with the tracks that there are now."""

    @abstractmethod
    def _arrive(self, sample: Sample, start: bool) -> None:
        """Cut what this sample ends, in the segment that is open."""

    @abstractmethod
    def _hold_back(self, sample: Sample, start: bool, pts_us: int, body: Body) -> None:
        """Keep the sample until the next one comes."""

    @abstractmethod
    def _break_off(self) -> None:
        """End the segment with all that is there."""

    @abstractmethod
    def _has_changed(self) -> bool:
        """Whether the tracks are others than those that are written."""

    # What does not

    def _take_sample(self, sample: Sample, start: bool, pts_us: int, body: Body) -> None:
        self._check_time(sample)
        if sample.track_key != self._version:
            self._change_tracks(sample, start)
        if self._shape.open:
            self._arrive(sample, start)
        elif start:
            self._open(sample.dts_us, sample, independent=True)
        if self._shape.open:
            self._hold_back(sample, start, pts_us, body)
        else:
            self.skipped += 1

    def _may_follow(self, sample: Sample, wall_us: int) -> bool:
        """Whether its tracks are those that are written, or may become them."""
        return sample.track_key == self._version or not self._has_changed() or self._changes.take(wall_us)

    def _check_time(self, sample: Sample) -> None:
        """A jump that no segment can hold is a discontinuity."""
        step_us = sample.dts_us - self._newest_us
        if self._shape.open and not -MAX_BACKWARDS_US <= step_us <= self._times.max_segment_us:
            self.gaps += 1
            self._break_off()

    def _open(self, at_us: int, opener: Sample, *, independent: bool) -> None:
        """Open a segment at a sample that is to come or that is held."""
        shape = self._shape
        if self._broken or not shape.msn:
            self._dates.anchor(self._wall_us, at_us, shape.part_start_us)
        shape.begin(at_us, independent=independent, discontinuity=self._broken)
        self._broken = False

    def _forget_tracks(self) -> None:
        self._tracks, self._version = Tracks(), -1

    def _forget_times(self) -> None:
        """A segment has been broken off: time begins anew."""
        for queue in self._queues.values():
            queue.forget()
        self._broken = self._shape.msn > 0
        self._newest_us = 0

    def _give(self) -> list[Output]:
        out, self._out = self._out, []
        return out
