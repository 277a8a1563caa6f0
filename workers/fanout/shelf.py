"""One package as this worker serves it: its window, its playlists, the part that is growing.

A shelf follows the package's ring as a feed follows a stream's: it sleeps until the packager rings, folds
what is new, and wakes everybody who waits for it. Playlists are rendered when first asked for after a
change, and then the same bytes go to all.

Where its stream is one of several renditions of a programme, its playlists say where the others stand. They
stood there when the playlist was rendered, to which a report belongs ("as up-to-date as the Playlist that
contains it", RFC 8216bis section 4.4.5.4): who gets the same bytes later, until the next part, gets a report
that may be a part old. That costs a player nothing, since what it then waits for is there already; rendering
anew for each part of each other rendition would cost as many times the work as there are renditions.
"""

import gzip
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import trio

from engine.protocols.hls import PART_START, Directives, Renderer, Report, Window
from engine.protocols.hls.errors import BadSnapshot
from shm.board import Interest, RowCell
from shm.directory import StreamRecord, StreamState
from shm.errors import Lapped
from shm.ring import Entry, RingReader
from workers.fanout.prepared import RenderedPlaylist, WholePart
from workers.runtime.packages import Packages, WindowReader

SAFETY_POLL_S: float = 0.020
"""How often a sleeping shelf looks at its ring unasked: the most that a lost wake-up can cost."""

IDLE_S: float = 30.0
"""How long a shelf is kept that nobody asks for, seconds: players reload at least once in ten."""

HELD_TARGETS: int = 3
"""Target durations that a reload may be held for before it gets 503 (RFC 8216bis §6.2.5.2)."""

# And no brotli beside it. A playlist of six segments with its parts is 510 bytes in gzip and 458 in brotli
# (at level 3, in 20 µs), one of parts of 0.2 s 669 and 581. With a head of 400 bytes before it that is a
# twentieth of an answer, for one more library and one more body of every playlist.
GZIP_LEVEL: int = 1
"""Half a millisecond less than level 6 for a twentieth more bytes, of a text that lives for half a second."""


LET_GO_TURN: int = 128
"""Reloads answered between two turns of the event loop: 3 ms, and a thousand are answered in eight."""


class Held(Protocol):
    """A reload that waits for a part, without a task of its own."""

    msn: int
    part: int | None
    until_s: float
    is_over: bool
    """Nobody waits for it any more."""

    def end(self) -> None:
        """It is there, or it has waited long enough, or the shelf is over. Raises nothing."""
        ...


class GrowingPart:
    """A part while it is made: whoever asked for it ahead of time gets its chunks as they come."""

    def __init__(self, msn: int, part: int) -> None:
        self.msn = msn
        self.part = part
        self.chunks: list[Entry] = []
        self.whole = False
        self.broken = False  # its packager died, or this worker was lapped: the rest will never come


class Shelf:
    """Serves one package.

    Args:
        packages: where it is.
        record: its record.
        row: where this worker says that it wants to be woken for it.
        keep_s: how long it is served after its stream has ended.
        look_around: tells where the other renditions of its programme stand, at that moment.
    """

    def __init__(
        self,
        packages: Packages,
        record: StreamRecord,
        row: RowCell,
        keep_s: float,
        look_around: Callable[[], Sequence[Report]] = tuple,
    ) -> None:
        self.record = record
        self._keep_s = keep_s
        self._look_around = look_around
        self.over = False
        self.sure_at = -1
        """Version of the packages' directory at which this was the right shelf, and not of a stream that has
        ended."""
        self.opened_s = self.asked_s = trio.current_time()
        self.changed = trio.Event()
        """There is something new, a chunk of a part that grows at least."""
        self.advanced = trio.Event()
        """The window has changed: nine in ten chunks are no news to who waits for a part."""
        self._held: deque[Held] = deque()
        self._has_advanced = False
        self.growing: GrowingPart | None = None
        self._packages = packages
        self._row = row
        row.begin(record.lease)
        row.interest = Interest.ARMED
        try:
            self._reader = WindowReader(packages, record.slot, self._note_chunk)
        except BadSnapshot:
            row.interest = Interest.NONE
            raise
        self._renderer = Renderer(self.window.settings)
        self._rendered_at = -1
        self._rendered: dict[str | None, RenderedPlaylist] = {}
        self._parts: dict[tuple[int, int], WholePart] = {}
        self._newest_ns = (-1, 0)  # of the entry before this sequence
        self._wake = trio.Event()
        self._is_lost = not self._reader.catch_up()

    @property
    def window(self) -> Window:
        return self._reader.window

    @property
    def ring(self) -> RingReader:
        return self._reader.ring

    @property
    def lateness_s(self) -> float:
        """How long ago the packager wrote what is newest here, seconds."""
        seq = self._reader.seq
        if self._newest_ns[0] != seq:
            try:
                self._newest_ns = (seq, self.ring.entry(seq - 1).ingest_ns)
            except Lapped:
                return 0.0
        return (time.monotonic_ns() - self._newest_ns[1]) * 1e-9

    @property
    def patience_s(self) -> float:
        """How long a request may be held."""
        return HELD_TARGETS * self.window.target_s

    def playlist(self, directives: Directives) -> RenderedPlaylist:
        """The media playlist as it is now."""
        self._forget_what_was()
        found = self._rendered.get(directives.skip)
        if found is None:
            plain = self._renderer.render(self.window, directives, self._look_around()).encode()
            gzipped = gzip.compress(plain, GZIP_LEVEL, mtime=0)
            found = self._rendered[directives.skip] = RenderedPlaylist(plain, gzipped)
        return found

    def part(self, msn: int, part: int) -> WholePart | None:
        """A whole part, if it is held. Raises Lapped for one whose bytes are gone."""
        self._forget_what_was()
        found = self._parts.get((msn, part))
        if found is None and (known := self.window.part(msn, part)) is not None:
            start, stop = self.ring.entry(known.first_seq).pos, self.ring.entry(known.stop_seq - 1).end
            found = self._parts[msn, part] = WholePart(self.ring, start, stop)
        return found

    def _forget_what_was(self) -> None:
        """What was made for players before the window changed is not what they get now."""
        if self.window.changes != self._rendered_at:
            self._rendered.clear()
            self._parts.clear()
            self._rendered_at = self.window.changes

    def hold(self, reload: Held) -> None:
        """Let a reload wait here."""
        self._held.append(reload)

    def close(self) -> None:
        """Serve nobody any more: who waits for something waits in vain."""
        self.over = True
        self.wake()
        self.changed.set()
        self.advanced.set()
        while self._held:
            self._held.popleft().end()

    # -- keeping up

    def has_news(self) -> bool:
        return self._reader.has_news()

    def wake(self) -> None:
        self._wake.set()

    def look(self) -> None:
        """Fold what is new at once."""
        if self.has_news():
            self._catch_up()
            self.wake()

    async def run(self) -> None:
        """Follow the package until it is gone or nobody asks for it any more."""
        try:
            while not self._is_done():
                await self._wait_for_news()
                self._catch_up()
                await self._let_go()
        finally:
            self._row.interest = Interest.NONE
            self.close()

    def _is_done(self) -> bool:
        record = self._packages.directory.get(self.record.slot)
        gone = record.lease != self.record.lease or not is_served(record, self._keep_s)
        return self.over or gone or trio.current_time() - self.asked_s > IDLE_S

    async def _wait_for_news(self) -> None:
        self._row.interest = Interest.ARMED
        self._wake = trio.Event()
        if self._is_lost or not self.has_news():  # what is lost is found with the next snapshot, not by haste
            with trio.move_on_after(SAFETY_POLL_S):
                await self._wake.wait()
        else:
            await trio.lowlevel.checkpoint()
        self._row.interest = Interest.WITHIN_TICK

    async def _let_go(self) -> None:
        """End the reloads whose part is there, and those that have waited long enough."""
        held, now_s = self._held, trio.current_time()
        if not held or not (self._has_advanced or held[0].until_s <= now_s):
            return
        self._has_advanced = False
        for number in range(1, len(held) + 1):
            if held:  # all of them have ended if the shelf was closed meanwhile
                self._end_if_due(held.popleft(), now_s)
            if number % LET_GO_TURN == 0:
                await trio.lowlevel.checkpoint()

    def _end_if_due(self, reload: Held, now_s: float) -> None:
        if reload.until_s <= now_s or self.window.has(reload.msn, reload.part):
            reload.end()
        elif not reload.is_over:
            self._held.append(reload)

    def _catch_up(self) -> None:
        window, seq, changes = self.window, self._reader.seq, self.window.changes
        self._is_lost = not self._reader.catch_up()
        if self.window is not window:  # lapped: a new window, whose past may differ by what was missed
            self._renderer = Renderer(self.window.settings)
            self._rendered_at = -1
            if self.growing is not None:
                self.growing.broken = True
            self.growing = None
        elif self.growing is not None and self.window.part(self.growing.msn, self.growing.part) is not None:
            self.growing.whole = True
        self.window.forget_removed()
        if self.window is not window or self._reader.seq != seq:
            self.changed.set()
            self.changed = trio.Event()
        if self.window is not window or self.window.changes != changes:
            self._has_advanced = True
            self.advanced.set()
            self.advanced = trio.Event()

    def _close_growing(self) -> None:
        """Another part begins: what grew is whole, or its packager died over it."""
        growing = self.growing
        if growing is not None:
            growing.whole = self.window.part(growing.msn, growing.part) is not None
            growing.broken = not growing.whole

    def _note_chunk(self, chunk: Entry) -> None:
        if chunk.flags & PART_START:
            self._close_growing()
            self.growing = GrowingPart(*self.window.hint)
        if self.growing is not None:
            self.growing.chunks.append(chunk)


def is_served(record: StreamRecord, keep_s: float) -> bool:
    """Whether players may still ask for the package: while it is made, and `keep_s` after that.

    No longer, whoever asks: its packager waits for us to let go of its ring.
    """
    if record.state is StreamState.ENDED:
        return time.monotonic_ns() - record.state_since_ns < keep_s * 1e9
    return record.state is not StreamState.FREE
