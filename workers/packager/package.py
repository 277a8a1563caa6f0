"""One stream on its way into segments: its ring in, its package's ring and files out.

A package begins as far back in the stream's ring as its playlist is long, so that the first player who
asks does not wait for segments to be made. Where the stream breaks (a new epoch, a ring that was faster
than this worker, a packager that was killed) it goes on at the next start point behind a discontinuity.
"""

import time
from collections.abc import Iterator

import trio
from msgspec.structs import replace

from engine.config import PathSettings
from engine.media.flags import HEADER
from engine.media.tags import BACK_POINTER_BYTES, TAG_HEADER_BYTES, split_tags
from engine.protocols.hls import Mark, PartEnd, SegmentEnd, init_name, segment_name
from engine.protocols.hls.cut_outputs import Chunk, Init, Output
from engine.protocols.hls.cutter import Cutter
from engine.protocols.hls.ts_cutter import TsCutter
from shm.board import Interest, RowCell
from shm.directory import Directory, StreamRecord
from shm.errors import Lapped
from shm.ring import Entry, RingReader
from workers.packager.journal import Journal
from workers.packager.report import Report
from workers.packager.segment_files import SegmentFiles
from workers.packager.segment_news import SegmentNews
from workers.runtime.bells import shared_ns

SAFETY_POLL_S: float = 0.020
"""How often a sleeping package looks at its ring unasked, as feeds do: the most a lost wake-up can cost."""

GATHER_PARTS: float = 0.1
MAX_GATHER_S: float = 0.050
WHOLE_SEGMENTS_GATHER_S: float = 0.250
"""How long tags gather before a pass: a tenth of a part, and at most two frames of 25 a second, by which
parts are ready later; and a quarter of a second where only whole segments count. A wake-up per frame cost as
much as the packaging.
"""

MAX_PASS_TAGS: int = 64
"""Tags of one pass; after so many the other packages have their turn."""


class Package:
    """The packaging of one stream.

    Args:
        record: the stream, as the directory had it when the package was begun.
        reader: its ring.
        row: where this worker says that it wants to be woken.
        streams: the streams' directory.
        settings: the stream's own.
        cutter: cuts; it knows where numbers go on.
        journal: takes what is cut.
        files: so do they.
        report: counts.
        stamp: what the names of its files begin with.
        news: hears of finished segments; None: nobody does.
    """

    def __init__(
        self,
        record: StreamRecord,
        reader: RingReader,
        row: RowCell,
        streams: Directory,
        settings: PathSettings,
        cutter: Cutter | TsCutter,
        journal: Journal,
        files: SegmentFiles,
        report: Report,
        stamp: str,
        news: SegmentNews | None = None,
    ) -> None:
        self.record = record
        self.ending = False
        self.stream_over = False
        self.outgrown_bytes = 0  # of parts that were listed together, if the package's ring cannot keep them
        self._reader = reader
        self._row = row
        self._streams = streams
        self._settings = settings
        self._gather_s = gather_s(settings)
        self._cutter = cutter
        self._journal = journal
        self._files = files
        self._report = report
        self._stamp = stamp
        self._news = news
        self._wake = trio.Event()
        self._seq = -1  # the next tag to take; -1 before the first
        self._epoch = -1
        self._forced_cuts = self._refused = 0
        self._part_seq = journal.next_seq  # where the growing part's chunks begin
        self._keeps_up = False  # whether the pass before took all that there was
        self._part_ended_ns = 0  # monotonic; 0 while there is no part before, or it was made of old media
        self._wall_offset_ns = time.time_ns() - time.monotonic_ns()
        row.begin(record.lease)

    # -- sleeping and waking

    def has_news(self) -> bool:
        return self._reader.head_seq != self._seq or self.ending

    def wake(self) -> None:
        self._wake.set()

    def end(self, *, over: bool) -> None:
        """The stream is over, or else nobody asks for it any more."""
        self.ending = True
        self.stream_over = self.stream_over or over
        self.wake()

    async def run(self) -> None:
        """Package until the end."""
        try:
            while not self.ending:
                await self._wait_for_news()
                self.run_pass()
                self._keeps_up = not self._is_behind
                if not self._keeps_up:
                    await trio.lowlevel.checkpoint()
                    continue
                if self._seq >= 0:
                    self._journal.open()
                looks_s = trio.current_time() + self._gather_s
                self._row.looks_ns = shared_ns(looks_s)
                await trio.sleep_until(looks_s)
            await self._finish()
        finally:
            self._row.interest = Interest.NONE

    @property
    def _is_behind(self) -> bool:
        """Whether the pass left tags in the ring: what is there already need not gather."""
        return 0 <= self._seq < self._reader.head_seq

    async def _finish(self) -> None:
        """Package the rest; behind the end of the stream nothing follows."""
        before = -2
        while self._seq not in (before, self._reader.head_seq):
            before = self._seq
            self.run_pass()
            await trio.lowlevel.checkpoint()
        if self.stream_over:
            self._take(self._cutter.finish())
            self._journal.write()

    async def _wait_for_news(self) -> None:
        self._row.interest = Interest.ARMED
        while not self.has_news():
            self._wake = trio.Event()
            with trio.move_on_after(SAFETY_POLL_S):
                await self._wake.wait()
        self._row.interest = Interest.WITHIN_TICK

    # -- a pass

    def run_pass(self) -> None:
        """Take what is new in the stream's ring."""
        try:
            if self._seq < 0 and not self._begin():
                return
            entries = self._reader.entries(self._seq, min(self._reader.head_seq, self._seq + MAX_PASS_TAGS))
            for entry, body in self._bodies(entries):
                self._cross_epoch(entry)
                self._take(
                    self._cutter.take(
                        entry.kind, entry.flags, entry.dts_us, entry.pts_us, body, self._wall_us(entry)
                    )
                )
                self._seq = entry.seq + 1
        except Lapped:
            self._report.lapped()
            self._break_off()
            self._seq = -1
        self._journal.write()
        self._count_cuts()
        self._delete_expired()

    def _begin(self) -> bool:
        """Choose where to begin, and tell the cutter what comes before that; False while there is no
        place."""
        start = self._first_start()
        if start is None:
            return False
        generation, headers = self._streams.headers(self.record.slot)
        if generation == start.generation:
            for tag in split_tags(headers):
                self._cutter.take(
                    tag.kind, HEADER, start.dts_us, start.dts_us, tag.body, self._wall_us(start)
                )
        self._seq, self._epoch = start.seq, start.epoch
        return True

    def _first_start(self) -> Entry | None:
        """The oldest start point that the playlist has room for, of the newest epoch and headers."""
        start = newest = self._reader.newest_start()
        if newest is None or self._journal.window.next_msn > 0:  # a successor goes on, it does not go back
            return newest
        reach_us = int(self._settings.hls_playlist_segments * self._settings.hls_segment_s * 1e6)
        while start is not None and (start.epoch, start.generation) == (newest.epoch, newest.generation):
            first = start
            if newest.dts_us - start.dts_us >= reach_us:
                break
            start = self._reader.previous_start(start)
        return first

    def _bodies(self, entries: list[Entry]) -> Iterator[tuple[Entry, bytes]]:
        """Each tag's body, copied out of the ring and checked afterwards. Raises Lapped."""
        if not entries:
            return
        base = entries[0].pos
        raw = b"".join(self._reader.views(base, entries[-1].end))
        if not self._reader.valid(base):
            raise Lapped("the ring was overwritten while its tags were read")
        for entry in entries:
            at = entry.pos - base
            yield entry, raw[at + TAG_HEADER_BYTES : at + entry.length - BACK_POINTER_BYTES]

    def _cross_epoch(self, entry: Entry) -> None:
        if entry.epoch != self._epoch:
            self._epoch = entry.epoch
            self._break_off()

    def _break_off(self) -> None:
        """What comes next does not go on where this ends; the time between the two is nobody's rhythm."""
        self._part_ended_ns = 0
        self._take(self._cutter.break_off(forget_tracks=True))
        self._part_ended_ns = 0

    def _wall_us(self, entry: Entry) -> int:
        """When the tag was received, by the wall clock as it was when the package began."""
        return (entry.ingest_ns + self._wall_offset_ns) // 1000

    # -- what was cut

    def _take(self, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Chunk):
                self._take_chunk(output)
            elif isinstance(output, Init):
                self._files.keep(init_name(self._stamp, output.number), output.data)
            else:
                self._take_mark(output)

    def _take_chunk(self, chunk: Chunk) -> None:
        if chunk.segment_start:
            self._files.begin()
        if chunk.part_start:
            self._part_seq = self._journal.next_seq
        self._files.grow(chunk.data)
        self._journal.note_chunk(chunk)

    def _take_mark(self, mark: Mark) -> None:
        if isinstance(mark, PartEnd):
            mark = replace(mark, first_seq=self._part_seq, stop_seq=self._journal.next_seq)
            self._report.part(mark.duration_us)
            self._note_rhythm(mark.duration_us)
        elif isinstance(mark, SegmentEnd):
            name = segment_name(self._stamp, mark.msn, self._journal.window.settings.suffix)
            kept = self._files.finish(name)
            mark = replace(mark, gap=not kept)
            self._report.segment(mark.duration_us, kept)
            if kept and self._news is not None:
                self._news.finished(self.record.name, name, mark)
            self._journal.request_snapshot()
        self._journal.note_mark(mark)
        if isinstance(mark, SegmentEnd) and (outgrown_bytes := self._journal.outgrown_bytes):
            self.outgrown_bytes = max(self.outgrown_bytes, outgrown_bytes)
            self._report.outgrew_ring()

    def _note_rhythm(self, duration_us: int) -> None:
        """Parts should end as far apart as they are long: that is how players ask for them."""
        now_ns = time.monotonic_ns() if self._keeps_up else 0
        if self._part_ended_ns and now_ns:
            self._report.part_jitter(abs((now_ns - self._part_ended_ns) - duration_us * 1000) * 1e-9)
        self._part_ended_ns = now_ns

    def _count_cuts(self) -> None:
        """Tell what the cutter has counted since the last pass."""
        cuts, refused = self._cutter.forced_cuts, self._cutter.refused
        if cuts > self._forced_cuts:
            self._report.forced_cuts(cuts - self._forced_cuts)
            self._forced_cuts = cuts
        if refused > self._refused:
            self._report.refused_frames(refused - self._refused)
            self._refused = refused

    def _delete_expired(self) -> None:
        now_us = (time.monotonic_ns() + self._wall_offset_ns) // 1000  # the clock that dates the segments
        for name in self._journal.window.expired(now_us, self._settings.hls_delete_after_s):
            self._files.delete(name)


def gather_s(settings: PathSettings) -> float:
    """How long tags of a stream with these settings gather."""
    if settings.hls_variant != "low_latency":
        return WHOLE_SEGMENTS_GATHER_S
    return min(MAX_GATHER_S, GATHER_PARTS * settings.hls_part_s)
