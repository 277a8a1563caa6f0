"""The packaging machine: tags of the ring in, chunks, init segments and marks out.

How it works. Of each track the newest sample is held back; the next one says how long it lasts. The arrival
of a sample may end what grows, in its own time, before it is held itself:

    segment    at a start point once segment_s has passed (after one that is not independent: at any);
               at max_segment_s wherever the stream is, before the held sample, so never later than that
    part       at the first sample of the leading track once part_s has passed
    chunk      at the first sample of the leading track once chunk_s has passed, and with its part

Video leads where there is video and it is not silent. The other track never waits for anybody: what comes
after the cut goes into the new segment, also if it is a little earlier, since each track has times of its
own in each chunk. It cuts where the leading track lets a part grow beyond its target: pictures that are far
apart, or late. So no cut waits, and the samples of a track stay in their order.

Invariants:

- Every sample that is taken after a segment opened comes out once; samples of one track keep their order.
- A part begins where the one before it ended, a segment too, unless there is a discontinuity between them:
  durations of parts add up to their segment's, and dates of segments advance by durations.
- Nothing grows without end: two samples are held, a chunk's samples and bytes are limited, and a segment
  ends at max_segment_s, because a gap of more than that is a discontinuity.

SegmentBegin comes with the first chunk, not with the cut. Until then the tracks of the segment may still
grow, as they do in a stream's first moments: an MP3 track, say, is known by its first frame only.
"""

from engine.media.flags import HEADER, METADATA
from engine.media.tags import KIND_AUDIO, KIND_VIDEO, Body
from engine.protocols.fmp4 import Sample
from engine.protocols.hls.chunk_maker import ChunkMaker
from engine.protocols.hls.cut_outputs import Chunk
from engine.protocols.hls.cut_settings import LATE_START_US, SILENCE_US, CutSettings
from engine.protocols.hls.cutter_base import CutterBase
from engine.protocols.hls.dates import SegmentDates
from engine.protocols.hls.track_queue import TrackQueue


class Cutter(CutterBase):
    """One stream in fMP4."""

    def __init__(
        self,
        settings: CutSettings,
        *,
        next_msn: int = 0,
        next_init: int = 0,
        dates: SegmentDates | None = None,
    ) -> None:
        super().__init__(settings, next_msn, dates, has_parts=settings.part_s > 0)
        self._maker = ChunkMaker(next_init)
        self._opener: Sample | None = None  # what the growing part was cut at
        self._capture: tuple[int, int] | None = None  # the clock at the start of the part

    # What a sample may do before it is held

    def _take_aside(self, kind: int, flags: int, dts_us: int, pts_us: int, body: Body) -> None:
        self.skipped += not self._shape.open and not flags & (HEADER | METADATA)

    def _has_changed(self) -> bool:
        return self._maker.differs(self._tracks.tracks)

    def _change_tracks(self, sample: Sample, start: bool) -> None:
        """Go on with other tracks: in this segment if nothing of it is out yet, else in a new one."""
        self._version = sample.track_key
        tracks, maker, shape = self._tracks.tracks, self._maker, self._shape
        if not maker.differs(tracks):
            return
        held = [kind for kind, queue in self._queues.items() if queue.held is not None]
        ends = shape.open and (shape.begun or not maker.fits(tracks, held))
        if ends:
            self._break_off()
        maker.use(tracks)
        if ends:
            self._open(sample.dts_us, sample, independent=start or self._is_key(sample))

    def _arrive(self, sample: Sample, start: bool) -> None:
        """Let go of what this sample completes, and cut what it ends."""
        queue = self._queues[sample.kind]
        other = self._queues[KIND_VIDEO if sample.kind == KIND_AUDIO else KIND_AUDIO]
        sample = queue.in_order(sample)
        now_us = sample.dts_us
        if other.held is not None and now_us - other.held.dts_us > SILENCE_US:
            self._add(other, other.let_go_blind(now_us))
        if queue.held is not None:
            self._cut_before(queue, queue.held, sample, start, other)
            self._add(queue, queue.let_go(now_us))
        self._cut_at(sample, start, other)

    def _hold_back(self, sample: Sample, start: bool, pts_us: int, body: Body) -> None:
        queue = self._queues[sample.kind]
        sample = queue.in_order(sample)
        queue.hold(sample)
        self._newest_us = max(self._newest_us, sample.dts_us)

    def _cut_before(
        self, queue: TrackQueue, held: Sample, sample: Sample, start: bool, other: TrackQueue
    ) -> None:
        """Cut at a held sample what would be too long if the new one came before the cut."""
        shape, times, now_us = self._shape, self._times, sample.dts_us
        longest_us = times.max_segment_us + LATE_START_US * start
        if now_us - shape.start_us > longest_us and held.dts_us > shape.start_us:
            self._cut_segment(held.dts_us, held, other, independent=self._is_key(held))
        elif now_us - shape.part_start_us > times.max_part_us:
            self._cut_part_before(queue, held, now_us, other)

    def _cut_part_before(self, queue: TrackQueue, held: Sample, now_us: int, other: TrackQueue) -> None:
        """Cut at the later held sample with which the part keeps its target, if there is one."""
        start_us, longest_us = self._shape.part_start_us, self._times.max_part_us
        also = other.held
        if also is not None and held.dts_us < also.dts_us and 0 < also.dts_us - start_us <= longest_us:
            self._add(queue, queue.let_go(now_us))
            self._cut_part(also, queue)
        elif now_us - held.dts_us <= longest_us and held.dts_us > start_us:
            self._cut_part(held, other)

    def _cut_at(self, sample: Sample, start: bool, other: TrackQueue) -> None:
        """Cut at the new sample what is long enough."""
        shape, times, now_us = self._shape, self._times, sample.dts_us
        if start and self._may_begin(sample):
            self._cut_segment(now_us, sample, other, independent=True)
            return
        leads = self._leads(sample)
        if now_us - shape.part_start_us >= (times.part_us if leads else times.max_part_us):
            self._cut_part(sample, other)
        elif now_us - self._chunk_us >= (times.chunk_us if leads else times.late_chunk_us):
            self._make_chunk(now_us)

    def _may_begin(self, sample: Sample) -> bool:
        """Whether this start point ends the segment. One that had to begin without ends at the first; and if
        there is no picture in it yet, it has just become independent."""
        shape = self._shape
        if shape.independent:
            return sample.dts_us - shape.start_us >= self._times.segment_us
        has_pictures = shape.begun or self._maker.has_pictures or self._queues[KIND_VIDEO].held is not None
        if not has_pictures:
            shape.become_independent()
        return has_pictures

    def _leads(self, sample: Sample) -> bool:
        if sample.kind == KIND_VIDEO or not self._maker.has_video:
            return True
        pictures_us = self._queues[KIND_VIDEO].newest_us
        return pictures_us is None or sample.dts_us - pictures_us > SILENCE_US

    def _is_key(self, sample: Sample) -> bool:
        return not self._maker.has_video or (sample.kind == KIND_VIDEO and sample.key)

    # Cuts

    def _open(self, at_us: int, opener: Sample, *, independent: bool) -> None:
        super()._open(at_us, opener, independent=independent)
        self._begin_part(opener, at_us)

    def _begin_part(self, opener: Sample, at_us: int) -> None:
        self._opener, self._chunk_us = opener, at_us
        self._capture = (self._wall_us - max(0, self._newest_us - opener.dts_us), opener.dts_us)

    def _cut_segment(self, at_us: int, opener: Sample, other: TrackQueue, *, independent: bool) -> None:
        """End the segment and open the next one. Samples that are there before it has a moment of time stay
        for the next one."""
        self._let_opener_go(other, at_us)
        shape = self._shape
        if shape.part_bytes or at_us > shape.part_start_us:
            self._make_chunk(at_us)
        if not shape.size_bytes:
            return
        self._out += shape.close(at_us)
        self._open(shape.part_start_us, opener, independent=independent)

    def _cut_part(self, opener: Sample, other: TrackQueue) -> None:
        """End the part, if there is anything in it."""
        at_us = opener.dts_us
        self._let_opener_go(other, at_us)
        self._make_chunk(at_us)
        if self._shape.part_bytes:
            self._out += self._shape.cut_part(at_us, independent=self._is_key(opener))
            self._begin_part(opener, at_us)

    def _let_opener_go(self, other: TrackQueue, at_us: int) -> None:
        """A part must hold the sample it began with, even if no other of its track has come since."""
        if other.held is not None and other.held is self._opener:
            self._add(other, other.let_go_blind(at_us))

    def _add(self, queue: TrackQueue, sample: Sample | None) -> None:
        """Put a sample into the growing chunk."""
        if sample is None:
            return
        if not self._maker.has_room(sample):
            self._make_chunk(sample.dts_us)
        self._maker.add(sample, queue.end_us)

    def _make_chunk(self, at_us: int) -> None:
        """End the growing chunk, if there is anything in it."""
        maker, shape = self._maker, self._shape
        if not maker.samples:
            return
        if not shape.begun:
            self._begin_segment()
        part_start, segment_start = not shape.part_bytes, not shape.size_bytes
        dts_us = maker.samples[0].dts_us
        data = maker.make_chunk(self._capture if part_start else None)
        shape.add(len(data))
        independent = part_start and shape.part_independent
        self._out.append(Chunk(data, dts_us, segment_start, part_start, independent))
        self._chunk_us = at_us

    def _begin_segment(self) -> None:
        maker, shape = self._maker, self._shape
        if maker.changed:
            shape.discontinuity = True
        self.forced_cuts += not shape.independent
        self._out += maker.make_init(self._queues[KIND_VIDEO].held)
        self._out.append(shape.mark_begun(maker.init, max(0, self._dates.of(shape.start_us))))

    def _break_off(self) -> None:
        """End the segment with all that is there."""
        shape = self._shape
        if shape.open:
            ends_us = [self._let_all_go(queue) for queue in self._queues.values()]
            self._make_chunk(self._newest_us)
            self._out += shape.close(self._end_us(ends_us))
        self._forget_times()

    def _let_all_go(self, queue: TrackQueue) -> int | None:
        """Return where the track ends, None if there is nothing of it."""
        self._add(queue, queue.let_go_blind())
        return None if queue.newest_us is None else queue.end_us

    def _end_us(self, ends_us: list[int | None]) -> int:
        """Return where the segment ends: with the leading track, but within what was promised."""
        shape, times = self._shape, self._times
        end_us = next((end_us for end_us in ends_us if end_us is not None), self._newest_us)
        longest_us = min(shape.start_us + times.max_segment_us, shape.part_start_us + times.max_part_us)
        return min(max(end_us, self._newest_us), longest_us)
