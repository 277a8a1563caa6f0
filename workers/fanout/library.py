"""All packages that players of this worker ask for, and the way to them.

Asking for a stream's playlists is what makes a packager begin: the worker notes on the board when it was
last asked, and rings the packagers if there is no package yet.
"""

import functools
import time
from collections.abc import Sequence

import trio

from engine.config import for_path
from engine.protocols.hls import Report, report_of
from engine.protocols.hls.errors import BadSnapshot
from shm.board import RowCell
from shm.directory import StreamRecord, StreamState
from workers.fanout.hub import PLAYABLE, is_same_stream
from workers.fanout.locations import media_uri
from workers.fanout.shelf import Shelf, is_served
from workers.runtime.bells import BellListener
from workers.runtime.packages import Packages, kept_s
from workers.runtime.programmes import programme_of, renditions_of
from workers.runtime.shared_tasks import start_shared
from workers.runtime.slots import PACKAGER, of_role
from workers.runtime.worker import Worker

LOOK_S: float = 0.02
"""How often the directory is looked at while somebody waits for a package to be begun, seconds."""

COMPANY_S: float = 2.0
"""How long the renditions of a programme are waited for once the first has a segment, seconds: a player
learns only once which there are, and encoders begin with all of them within a second or two."""


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
        self._rows: dict[int, RowCell] = {}
        self._closed = False

    @property
    def shelves(self) -> int:
        """How many packages are being served."""
        return len(self._shelves)

    def ask_for(self, record: StreamRecord) -> None:
        """Somebody wants the stream's playlists: it is packaged from now on, and for a while."""
        row = self._rows.get(record.slot)
        if row is None:
            row = self._rows[record.slot] = self._worker.board.row(self._worker.slot.number, record.slot)
        row.begin(record.lease)
        row.playlist_asked_ns = time.monotonic_ns()
        if self.find(record.name) is None:
            for slot in of_role(self._worker.slots, PACKAGER):
                self._worker.doorbells[slot.number].ring()

    def programme_of(self, name: str) -> str:
        """The programme that the stream is a rendition of."""
        return programme_of(self._worker.config.hls.programmes, name)

    def renditions(self, programme: str) -> tuple[str, ...]:
        """The streams that are a programme now; one by itself is the only rendition of its own."""
        return renditions_of(self._worker.config.hls.programmes, self._worker.directory, programme)

    def look_around(self, name: str) -> list[Report]:
        """Where the other renditions stand that players of this stream may change to.

        They are packaged for as long as this one is asked for, so that there is something to change to.
        """
        others = [one for one in self.renditions(self.programme_of(name)) if one != name]
        reports = (self._report(other, media_uri(f"/{name}/", other)) for other in others)
        return [report for report in reports if report is not None]

    def _ask_by_name(self, name: str) -> bool:
        """Ask for a stream; whether there is one that lives."""
        stream = self._worker.directory.find(name)
        if stream is None or stream.state not in PLAYABLE:
            return False
        self.ask_for(stream)
        return True

    def _report(self, name: str, uri: str) -> Report | None:
        self._ask_by_name(name)
        shelf = self.find(name)
        if shelf is None:
            return None
        shelf.look()
        return report_of(shelf.window, uri)

    def find(self, name: str) -> Shelf | None:
        """The shelf of the stream's package, if it has one that is made or whose stream has ended.

        Asked for each request, and nine in ten times nothing has changed in the directory since the last.
        """
        version, shelf = self._packages.directory.version, self._shelves.get(name)
        if shelf is not None and shelf.sure_at == version and not shelf.over:
            shelf.asked_s = trio.current_time()
            return shelf
        return self._look_up(name, version)

    def _look_up(self, name: str, version: int) -> Shelf | None:
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
        shelf.sure_at = version
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

    async def gather(self, names: Sequence[str], seconds: float) -> list[Shelf]:
        """The shelves of those of a programme's renditions that have a segment; they are asked for.

        Given back once the first of them has one, and those others which live had their time; none if that
        takes too long.
        """
        ready: list[Shelf] = []
        with trio.move_on_after(seconds) as waiting:
            while not self._closed:
                found = {name: self.find(name) for name in names}
                lives = [name for name in names if self._ask_by_name(name)]
                ready = [shelf for shelf in found.values() if shelf is not None and shelf.window.ready]
                if ready and {shelf.record.name for shelf in ready}.issuperset(lives):
                    break
                for shelf in ready:
                    waiting.deadline = min(waiting.deadline, shelf.opened_s + COMPANY_S)
                await trio.sleep(LOOK_S)
        return ready

    def close(self) -> None:
        """This worker drains: nobody is kept waiting."""
        self._closed = True
        for shelf in self._shelves.values():
            shelf.close()

    def _open(self, record: StreamRecord, keep_s: float) -> Shelf:
        row = self._packages.board.row(self._worker.slot.number, record.slot)
        look_around = functools.partial(self.look_around, record.name)
        shelf = Shelf(self._packages, record, row, keep_s, look_around)
        self._shelves[record.name] = shelf
        self._listener.sleepers["package", record.slot] = shelf
        start_shared(self._nursery, self._run, shelf)
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
