"""All packages that players of this worker ask for, and the way to them.

Asking for a stream's playlists is what makes a packager begin: the worker notes on the board when it was
last asked, and rings the packagers if there is no package yet.
"""

import time

import trio

from engine.config import for_path
from engine.protocols.hls.errors import BadSnapshot
from shm.directory import StreamRecord, StreamState
from workers.fanout.hub import is_same_stream
from workers.fanout.shelf import Shelf, is_served
from workers.runtime.bells import BellListener
from workers.runtime.packages import Packages, kept_s
from workers.runtime.slots import PACKAGER, of_role
from workers.runtime.worker import Worker

LOOK_S: float = 0.02
"""How often the directory is looked at while somebody waits for a package to be begun, seconds."""

VIEWER_S: float = 15.0
"""A player whose last playlist is so old has gone, seconds: the slowest there are reload every ten."""

MAX_VIEWERS: int = 100_000
"""Players told apart; beyond that they are not counted any more, but served."""


class Library:
    """Shelves by the package they serve.

    Args:
        worker: for the packages, the board and the doorbells.
        nursery: shelves run here.
        listener: wakes them.
    """

    def __init__(self, worker: Worker, nursery: trio.Nursery, listener: BellListener) -> None:
        assert worker.packages is not None
        self._worker = worker
        self._packages: Packages = worker.packages
        self._nursery = nursery
        self._listener = listener
        self._shelves: dict[str, Shelf] = {}
        self._closed = False
        self._viewers: dict[tuple[str, str], tuple[float, int]] = {}

    def note_viewer(self, name: str, who: str, stream: int) -> None:
        """A player asked for a playlist: it counts as one for a while."""
        if len(self._viewers) < MAX_VIEWERS or (name, who) in self._viewers:
            self._viewers[name, who] = (trio.current_time(), stream)

    def count_viewers(self) -> dict[int, int]:
        """How many players there are, by the slot of their stream."""
        since_s = trio.current_time() - VIEWER_S
        self._viewers = {who: seen for who, seen in self._viewers.items() if seen[0] >= since_s}
        counts: dict[int, int] = {}
        for _, stream in self._viewers.values():
            counts[stream] = counts.get(stream, 0) + 1
        return counts

    def ask_for(self, record: StreamRecord) -> None:
        """Somebody wants the stream's playlists: it is packaged from now on, and for a while."""
        row = self._worker.board.row(self._worker.slot.number, record.slot)
        row.begin(record.lease)
        row.playlist_asked_ns = time.monotonic_ns()
        if self.find(record.name) is None:
            for slot in of_role(self._worker.slots, PACKAGER):
                self._worker.doorbells[slot.number].ring()

    def find(self, name: str) -> Shelf | None:
        """The shelf of the stream's package, if it has one that is made or whose stream has ended."""
        record = self._packages.directory.find(name)
        keep_s = kept_s(for_path(self._worker.config, name))
        if self._closed or record is None or not is_served(record, keep_s):
            return None
        shelf = self._shelves.get(name)
        if shelf is None or shelf.over or not is_same_stream(shelf.record, record):
            try:
                shelf = self._open(record, keep_s)
            except BadSnapshot:  # its packager has claimed the place, and lets nobody in yet
                return None
        shelf.asked_s = trio.current_time()
        if record.state is StreamState.ENDED:
            shelf.look()  # the end may be in its ring already, and whoever misses it waits in vain
            return shelf if shelf.window.ended else None
        return shelf

    async def wait_for(self, name: str, seconds: float) -> Shelf | None:
        """The shelf of a stream's package once there is a segment in it; None if that takes too long."""
        with trio.move_on_after(seconds):
            while not self._closed:
                shelf = self.find(name)
                if shelf is None:
                    await trio.sleep(LOOK_S)
                elif shelf.window.ready:
                    return shelf
                else:
                    await shelf.changed.wait()
        return None

    def close(self) -> None:
        """This worker drains: nobody is kept waiting."""
        self._closed = True
        for shelf in self._shelves.values():
            shelf.close()

    def _open(self, record: StreamRecord, keep_s: float) -> Shelf:
        row = self._packages.board.row(self._worker.slot.number, record.slot)
        shelf = Shelf(self._packages, record, row, keep_s)
        self._shelves[record.name] = shelf
        self._listener.sleepers["package", record.slot] = shelf
        self._nursery.start_soon(self._run, shelf)
        return shelf

    async def _run(self, shelf: Shelf) -> None:
        try:
            await shelf.run()
        except Exception:  # a fault of ours costs this stream's HLS players, not the worker
            self._worker.log.exception("shelf_failed", stream=shelf.record.name)
        finally:
            if self._shelves.get(shelf.record.name) is shelf:
                del self._shelves[shelf.record.name]
            if self._listener.sleepers.get(("package", shelf.record.slot)) is shelf:
                del self._listener.sleepers["package", shelf.record.slot]
