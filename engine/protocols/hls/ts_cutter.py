"""The packaging machine for MPEG-TS: the same outputs as `cutter.Cutter`, without parts and init segments.

Of all tracks together the newest frame is held back, so that a segment can be cut before it: at start points,
and where the next frame would be later than max_segment_s. The transport stream goes on from segment to
segment, with its continuity counters and its clock. Each segment begins with PAT, PMT and the frame it is cut
at; a frame that is no keyframe is marked as a random access point there too, because to the writer that is
what a beginning is. The playlist knows better.

`InitMade` says the codecs; nothing is made. It comes when the tracks change, with a discontinuity.
"""

from typing import NamedTuple

from engine.media.flags import HEADER, METADATA
from engine.media.tags import KIND_VIDEO, Body
from engine.protocols.fmp4 import Sample, Track
from engine.protocols.hls.chunk_maker import describe_init
from engine.protocols.hls.cut_outputs import Chunk
from engine.protocols.hls.cut_settings import LATE_START_US, MAX_CHUNK_BYTES, CutSettings
from engine.protocols.hls.cutter_base import CutterBase
from engine.protocols.hls.dates import SegmentDates
from engine.protocols.hls.track_queue import TrackQueue
from engine.protocols.mpegts import TsWriter


class _Held(NamedTuple):
    """A frame that waits for the next one, and its tag."""

    sample: Sample
    start: bool
    pts_us: int
    body: bytes


class TsCutter(CutterBase):
    """One stream in transport stream segments. The queues of its tracks are there for their paces alone."""

    def __init__(
        self,
        settings: CutSettings,
        *,
        next_msn: int = 0,
        next_init: int = 0,
        dates: SegmentDates | None = None,
    ) -> None:
        super().__init__(settings, next_msn, dates, has_parts=False)
        self._used: tuple[Track, ...] = ()  # those of the growing segment
        self._named: tuple[Track, ...] = ()  # the tracks that the newest InitMade says
        self._init = next_init - 1
        self._writer = TsWriter()
        self._held: _Held | None = None
        self._begins = False  # whether the next frame written is the segment's first
        self._pieces: list[bytes] = []
        self._bytes = 0

    # Arrivals

    def _take_aside(self, kind: int, flags: int, dts_us: int, pts_us: int, body: Body) -> None:
        """A header goes to the writer, behind the frame that is held."""
        if flags & HEADER:
            self._let_go()
            self._writer.write(kind, dts_us, pts_us, body)
        elif not flags & METADATA:
            self.skipped += not self._shape.open

    def _has_changed(self) -> bool:
        return self._tracks.tracks != self._used

    def _change_tracks(self, sample: Sample, start: bool) -> None:
        """Go on with other tracks: in a new segment, unless they only grew before this one has begun."""
        self._version = sample.track_key
        tracks, shape = self._tracks.tracks, self._shape
        grew = not shape.begun and set(self._used) <= set(tracks)
        ends = shape.open and tracks != self._used and not grew
        if ends:
            self._break_off()
        self._used = tracks
        if ends:
            self._open(sample.dts_us, sample, independent=start or self._is_key(sample))

    def _arrive(self, sample: Sample, start: bool) -> None:
        """Let go of the held frame, and cut before it or before this one."""
        shape, times, now_us, held = self._shape, self._times, sample.dts_us, self._held
        longest_us = times.max_segment_us + LATE_START_US * start
        if held and now_us - shape.start_us > longest_us and held.sample.dts_us > shape.start_us:
            self._cut(held.sample.dts_us, held.sample, independent=self._is_key(held.sample))
        self._let_go()
        elapsed_us = now_us - shape.start_us
        if start and (elapsed_us >= times.segment_us or not shape.independent):
            self._cut(now_us, sample, independent=True)
        elif now_us - self._chunk_us >= times.chunk_us or self._bytes >= MAX_CHUNK_BYTES:
            self._make_chunk(now_us)

    def _hold_back(self, sample: Sample, start: bool, pts_us: int, body: Body) -> None:
        queue = self._queues[sample.kind]
        queue.let_go(sample.dts_us)
        queue.hold(sample)
        self._newest_us = max(self._newest_us, sample.dts_us)
        self._held = _Held(sample, start, pts_us, bytes(body))

    def _is_key(self, sample: Sample) -> bool:
        has_video = any(track.kind == KIND_VIDEO for track in self._used)
        return not has_video or (sample.kind == KIND_VIDEO and sample.key)

    # Cuts

    def _open(self, at_us: int, opener: Sample, *, independent: bool) -> None:
        super()._open(at_us, opener, independent=independent)
        self._begins, self._chunk_us = True, at_us

    def _cut(self, at_us: int, opener: Sample, *, independent: bool) -> None:
        """End the segment, if there is anything in it, and open the next one."""
        self._make_chunk(at_us)
        if self._shape.begun:
            self._out += self._shape.close(at_us)
            self._open(self._shape.part_start_us, opener, independent=independent)

    def _let_go(self) -> None:
        """Write the held frame."""
        if self._held is None:
            return
        (sample, start, pts_us, body), self._held = self._held, None
        start, self._begins = start or self._begins, False
        groups = self._writer.write(sample.kind, sample.dts_us, pts_us, body, start=start)
        for group in groups:
            self._pieces.append(group.data)
            self._bytes += len(group.data)

    def _make_chunk(self, at_us: int) -> None:
        """Give out what the writer has; what is less than a group as well."""
        self._pieces += [group.data for group in self._writer.flush()]
        data, self._pieces, self._bytes = b"".join(self._pieces), [], 0
        if not data:
            return
        shape = self._shape
        if not shape.begun:
            self._begin_segment()
        begins = not shape.size_bytes
        shape.add(len(data))
        self._out.append(Chunk(data, self._chunk_us, begins, begins, begins and shape.independent))
        self._chunk_us = at_us

    def _begin_segment(self) -> None:
        tracks, shape = self._used, self._shape
        if tracks != self._named:
            shape.discontinuity |= bool(self._named)
            self._named, self._init = tracks, self._init + 1
            self._out.append(describe_init(self._init, tracks, 0))
        self.forced_cuts += not shape.independent
        self._out.append(shape.mark_begun(self._init, max(0, self._dates.of(shape.start_us))))

    def _break_off(self) -> None:
        """End the segment with all that is there."""
        shape = self._shape
        if shape.open:
            self._let_go()
            self._make_chunk(self._newest_us)
            end_us = max(self._end_us(queue) for queue in self._queues.values())
            self._out += shape.close(min(end_us, shape.start_us + self._times.max_segment_us))
        self._forget_times()
        self._writer.restart()

    def _forget_tracks(self) -> None:
        super()._forget_tracks()
        self._writer = TsWriter()
        self._writer.restart()

    def _end_us(self, queue: TrackQueue) -> int:
        """Return where a track ends, 0 if it is not there."""
        return queue.end_us if queue.let_go_blind() else 0
