"""All packages of one packager: begun, gone on with, ended, cleared away."""

import time

import trio

from engine.config import PathSettings, for_path
from engine.protocols.hls import Window, init_name, segment_name
from engine.protocols.hls.errors import BadSnapshot
from shm.arena import Arena
from shm.directory import DirectoryWriter, StreamRecord, StreamState
from shm.errors import ArenaFull, DirectoryFull, LostRing
from shm.ring import RingReader, RingWriter
from workers.packager.journal import Journal
from workers.packager.package import Package
from workers.packager.package_settings import new_cutter, playlist_settings
from workers.packager.report import Report
from workers.packager.segment_files import Budget, SegmentFiles
from workers.runtime.bells import BellListener, Bells
from workers.runtime.packages import WindowReader, stamp_of
from workers.runtime.slots import FANOUT, of_role
from workers.runtime.worker import Worker

PAUSE_S: float = 5.0
"""How long a stream is left alone whose package failed, seconds: it would fail again."""

PLAYABLE = (StreamState.LIVE, StreamState.GRACE)

ASKED_LATELY_S: float = 30.0
"""How long a stream that is packaged on demand goes on being packaged after its playlists were last asked
for, seconds: three reloads of the slowest players there are (10 s of target duration)."""


class PackageRack:
    """Packages by the slot of their stream.

    Args:
        worker: for the streams, the packages and the configuration.
        nursery: packages run here.
        report: counts.
    """

    def __init__(self, worker: Worker, nursery: trio.Nursery, report: Report) -> None:
        assert worker.packages is not None
        self._worker = worker
        self._packages = worker.packages
        self._nursery = nursery
        self._report = report
        self._count = len(of_role(worker.slots, worker.slot.role))
        self._writer = DirectoryWriter(self._packages.arena, worker.slot.index, self._count)
        self._bells = Bells(self._packages.board, worker.doorbells)
        self._budget = Budget(worker.config.hls.folder_bytes // self._count)
        self._fanouts = [slot.number for slot in of_role(worker.slots, FANOUT)]
        self._running: dict[int, Package] = {}
        self._ended: list[Remains] = []
        self._pauses: dict[int, float] = {}  # until when a stream whose package failed is left alone
        self._listener: BellListener | None = None

    def attach(self, listener: BellListener) -> None:
        """Let `listener` wake the packages."""
        self._listener = listener

    # -- which streams

    def look(self) -> None:
        """Begin packages of streams that want one, end those of streams that do not any more."""
        wanted = {record.slot: record for record in self._worker.directory.all() if self._wants(record)}
        for slot, package in list(self._running.items()):
            record = wanted.get(slot)
            if record is None or record.lease != package.record.lease:
                package.end(over=not self._is_there(package.record))
        for slot, record in wanted.items():
            if slot not in self._running and time.monotonic() >= self._pauses.get(slot, 0.0):
                self._begin(record)

    def _wants(self, record: StreamRecord) -> bool:
        """Whether this packager should package the stream now."""
        if record.slot % self._count != self._worker.slot.index or record.state not in PLAYABLE:
            return False
        return not self._settings(record).hls_on_demand or self._asked_lately(record)

    def _asked_lately(self, record: StreamRecord) -> bool:
        since_ns = time.monotonic_ns() - int(ASKED_LATELY_S * 1e9)
        rows = (self._worker.board.row(number, record.slot) for number in self._fanouts)
        return any(row.lease == record.lease and row.playlist_asked_ns > since_ns for row in rows)

    def _is_there(self, record: StreamRecord) -> bool:
        now = self._worker.directory.get(record.slot)
        return now.lease == record.lease and now.state in PLAYABLE

    def _settings(self, record: StreamRecord) -> PathSettings:
        return for_path(self._worker.config, record.name)

    # -- their lives

    def _begin(self, record: StreamRecord) -> None:
        try:
            slot = self._writer.claim(record.name)
        except DirectoryFull:
            self._report.failed("too_many_streams")
            return
        stamp = stamp_of(self._packages.directory.get(slot))
        files = SegmentFiles(self._packages.folder / record.name, stamp, self._budget)
        window = Window(playlist_settings(self._settings(record), stamp))
        self._start(record, slot, window, files)

    def adopt(self) -> None:
        """Go on with what a packager that died in this seat has left."""
        for left in self._writer.owned():
            stream = self._worker.directory.find(left.name)
            settings = for_path(self._worker.config, left.name)
            stamp = stamp_of(left)
            files = SegmentFiles(self._packages.folder / left.name, stamp, self._budget)
            window = self._inherited(left.slot)
            files.adopt(file_names(window) if window else frozenset())
            if window and left.state is StreamState.LIVE and stream is not None and self._wants(stream):
                self._writer.set_epoch(left.slot, self._writer.epoch(left.slot) + 1)
                self._start(stream, left.slot, window, files)
            else:
                self._writer.set_state(left.slot, StreamState.ENDED)
                self._ended.append(Remains(left.slot, files, settings.hls_delete_after_s))

    def _inherited(self, slot: int) -> Window | None:
        """The window as the dead packager left it; None if it had not let players in yet."""
        try:
            reader = WindowReader(self._packages, slot)
        except BadSnapshot:
            return None
        reader.catch_up()
        return reader.window

    def _start(self, record: StreamRecord, slot: int, window: Window, files: SegmentFiles) -> None:
        journal = Journal(self._packages.arena, self._writer, slot, window, self._bells)
        settings = self._settings(record)
        package = Package(
            record,
            RingReader(self._worker.arena, record.slot),
            self._worker.board.row(self._worker.slot.number, record.slot),
            self._worker.directory,
            settings,
            new_cutter(settings, window),
            journal,
            files,
            self._report,
            stamp_of(self._packages.directory.get(slot)),
        )
        self._running[record.slot] = package
        if self._listener is not None:
            self._listener.sleepers[record.slot] = package
        self._worker.log.info("packaging", stream=record.name, variant=settings.hls_variant)
        self._nursery.start_soon(self._run, package, slot, Remains(slot, files, settings.hls_delete_after_s))

    async def _run(self, package: Package, slot: int, remains: "Remains") -> None:
        try:
            await package.run()
        except ArenaFull:
            self._fail(package, "no_memory")
        except LostRing:  # this process was taken for dead, and has a successor
            return
        except Exception:  # a fault of ours costs this stream's segments, not those of the others
            self._fail(package, "error")
            self._worker.log.exception("package_failed", stream=package.record.name)
        finally:
            if self._running.get(package.record.slot) is package:
                del self._running[package.record.slot]
                if self._listener is not None:
                    self._listener.sleepers.pop(package.record.slot, None)
        self._writer.set_state(slot, StreamState.ENDED)
        remains.ended_s = time.monotonic()
        self._ended.append(remains)
        self._worker.log.info("packaged", stream=package.record.name)

    def _fail(self, package: Package, reason: str) -> None:
        self._report.failed(reason)
        self._pauses[package.record.slot] = time.monotonic() + PAUSE_S

    def end_all(self) -> None:
        for package in self._running.values():
            package.end(over=True)

    def clear_away(self) -> None:
        """Give back what nobody can ask for any more."""
        now_s = time.monotonic()
        for remains in [each for each in self._ended if each.is_due(now_s)]:
            if not self._packages.board.readers_of(remains.slot):
                remains.clear(self._packages.arena, self._writer)
                self._ended.remove(remains)
        self._report.packages(len(self._running))
        self._report.folder_bytes(self._budget.used_bytes)


class Remains:
    """What is left of a package that has ended: its last playlist can still be asked for."""

    def __init__(self, slot: int, files: SegmentFiles, keep_s: float) -> None:
        self.slot = slot
        self.ended_s = time.monotonic()
        self._files = files
        self._keep_s = keep_s

    def is_due(self, now_s: float) -> bool:
        return now_s - self.ended_s > self._keep_s

    def clear(self, arena: Arena, directory: DirectoryWriter) -> None:
        """Delete the files, and give ring and slot back."""
        self._files.remove()
        RingWriter(arena, self.slot, directory.epoch(self.slot)).release()
        directory.free(self.slot)


def file_names(window: Window) -> frozenset[str]:
    """The files that a window's playlist names."""
    settings = window.settings
    segments = {segment_name(settings.stamp, segment.msn, settings.suffix) for segment in window.segments}
    inits = {init_name(settings.stamp, segment.init) for segment in window.segments}
    return frozenset(segments | inits)
