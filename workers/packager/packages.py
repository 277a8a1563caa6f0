"""All packages of one packager: begun, gone on with, ended, cleared away."""

import time
import zlib
from weakref import WeakValueDictionary

import trio

from engine.access.names import publisher_name
from engine.config import PathSettings
from engine.protocols.hls import Window, init_name, segment_name
from engine.protocols.hls.dates import ProgrammeClock
from engine.protocols.hls.errors import BadSnapshot
from shm.directory import DirectoryWriter, StreamRecord, StreamState
from shm.errors import ArenaFull, DirectoryFull, LostRing
from shm.ring import RingReader
from workers.packager.journal import Journal
from workers.packager.package import Package
from workers.packager.package_settings import new_cutter, playlist_settings
from workers.packager.remains import Remains
from workers.packager.report import Report
from workers.packager.segment_files import Budget, SegmentFiles
from workers.packager.segment_news import SegmentNews
from workers.runtime.bells import BellListener, Bells
from workers.runtime.packages import WindowReader, asked_lately_s, kept_s, stamp_of
from workers.runtime.programmes import programme_of
from workers.runtime.slots import FANOUT, of_role
from workers.runtime.stream_settings import StreamSettings
from workers.runtime.worker import Worker

PAUSE_S: float = 5.0
"""How long a stream is left alone whose package failed, seconds: it would fail again."""

PLAYABLE = (StreamState.LIVE, StreamState.GRACE)

LOOK_S: float = 0.02
"""The least time between two looks at all streams, seconds: a player who asks first waits that long."""


class PackageRack:
    """Packages by the slot of their stream.

    Args:
        worker: for the streams, the packages and the configuration.
        nursery: packages run here.
        report: counts.
        news: hears of finished segments; None: nobody does.
    """

    def __init__(
        self, worker: Worker, nursery: trio.Nursery, report: Report, news: SegmentNews | None = None
    ) -> None:
        assert worker.packages is not None
        self._worker = worker
        self._packages = worker.packages
        self._settings = StreamSettings(worker)
        self._nursery = nursery
        self._report = report
        self._news = news
        self._count = len(of_role(worker.slots, worker.slot.role))
        self._writer = DirectoryWriter(self._packages.arena, worker.slot.index, self._count)
        self._bells = Bells(self._packages.board, worker.doorbells)
        self._budget = Budget(worker.config.hls.folder_bytes // self._count)
        self._fanouts = [slot.number for slot in of_role(worker.slots, FANOUT)]
        self._running: dict[int, Package] = {}
        self._ended: list[Remains] = []
        self._clocks: WeakValueDictionary[str, ProgrammeClock] = WeakValueDictionary()  # by programme
        self._pauses: dict[tuple[int, int], float] = {}  # by slot and lease: left alone until then
        self._told: set[tuple[int, int]] = set()  # streams, by slot and lease, whose trouble is in the log
        self._next_look_s = 0.0
        self._leaving = False
        self._listener: BellListener | None = None

    @property
    def packages(self) -> int:
        """How many streams are being packaged."""
        return len(self._running)

    def attach(self, listener: BellListener) -> None:
        """Let `listener` wake the packages."""
        self._listener = listener

    # -- which streams

    def look(self) -> None:
        """Begin packages of streams that want one, end those of streams that do not any more.

        Asked at every ring, and ingest rings for every tag: so it looks now and then.
        """
        now_s = time.monotonic()
        if self._leaving or now_s < self._next_look_s:
            return
        self._next_look_s = now_s + LOOK_S
        wanted = {record.slot: record for record in self._worker.directory.all() if self._wants(record)}
        for slot, package in list(self._running.items()):
            record = wanted.get(slot)
            if record is None or record.lease != package.record.lease:
                package.end(over=not self._is_there(package.record))
        names = {package.record.name for package in self._running.values()}  # also of those that end now
        for slot, record in wanted.items():
            paused = now_s < self._pauses.get((slot, record.lease), 0.0)
            if slot not in self._running and record.name not in names and not paused:
                self._try_to_begin(record)

    def _wants(self, record: StreamRecord) -> bool:
        """Whether this packager should package the stream now."""
        if record.state not in PLAYABLE or self._seat_of(record) != self._worker.slot.index:
            return False
        settings = self._settings.of(record.name)
        return not settings.hls_on_demand or self._asked_lately(record, settings)

    def _seat_of(self, record: StreamRecord) -> int:
        """The packager of a stream: who has a package of its name, since only he can go on with it; else they
        take turns, but for renditions of one programme, which share its clock."""
        left = self._packages.directory.find(record.name) if self._count > 1 else None
        if left is not None:
            return left.ingest
        programme = self._worker.config.hls.programmes.programme_of(record.name)
        if programme is not None:
            return zlib.crc32(programme.encode()) % self._count
        name = publisher_name(record.name)
        first = None if name == record.name else self._worker.directory.find(name)
        return (first or record).slot % self._count

    def _clock_for(self, record: StreamRecord) -> ProgrammeClock | None:
        """The clock of the programme that the stream is a rendition of.

        None where a publisher came back or took over: such times are no longer the encoder's.
        """
        if record.stats.reconnects or record.stats.takeovers:
            return None
        programme = programme_of(self._worker.config.hls.programmes, record.name)
        clock = self._clocks.get(programme)
        if clock is None:
            clock = self._clocks[programme] = ProgrammeClock()
        return clock

    def _asked_lately(self, record: StreamRecord, settings: PathSettings) -> bool:
        since_ns = time.monotonic_ns() - int(asked_lately_s(settings) * 1e9)
        rows = (self._worker.board.row(number, record.slot) for number in self._fanouts)
        return any(row.lease == record.lease and row.playlist_asked_ns > since_ns for row in rows)

    def _is_there(self, record: StreamRecord) -> bool:
        now = self._worker.directory.get(record.slot)
        return now.lease == record.lease and now.state in PLAYABLE

    # -- their lives

    def _try_to_begin(self, record: StreamRecord) -> None:
        """Begin a package; what goes wrong costs this stream's, and not those of the others."""
        try:
            if not self._resume(record):
                self._begin(record)
        except DirectoryFull:
            self._fail(record, "too_many_streams")
        except Exception:
            self._fail(record, "error")
            self._worker.log.exception("package_failed", stream=record.name)

    def _begin(self, record: StreamRecord) -> None:
        slot = self._writer.claim(record.name)
        try:
            stamp = stamp_of(self._packages.directory.get(slot))
            files = SegmentFiles(self._packages.folder_of(record.name), stamp, self._budget)
            window = Window(playlist_settings(self._settings.of(record.name), stamp))
            self._start(record, slot, window, files)
        except BaseException:
            self._put_aside(Remains(slot, record.name, None, 0.0))
            raise

    def _resume(self, record: StreamRecord) -> bool:
        """Go on with a package that has ended: nobody had asked for it, it failed, or its stream is back and
        players may have waited for it."""
        for remains in reversed(self._ended):  # the newest, if there are several of this name
            if remains.name != record.name or remains.files is None:
                continue
            window = self._inherited(remains.slot)
            if window is not None and self._may_go_on(record, window):
                self._ended.remove(remains)
                self._take_over(record, remains.slot, window, remains.files)
                return True
        return False

    def _may_go_on(self, record: StreamRecord, window: Window) -> bool:
        """Whether segments of today's kind may follow in this window."""
        wanted = playlist_settings(self._settings.of(record.name), window.settings.stamp)
        return window.settings == wanted and not (window.ended and wanted.end_list)

    def adopt(self) -> None:
        """Go on with what a packager that died in this seat has left."""
        for left in self._writer.owned():
            try:
                self._adopt(left)
            except Exception:
                self._worker.log.exception("package_failed", stream=left.name)
                self._put_aside(Remains(left.slot, left.name, None, 0.0))

    def _adopt(self, left: StreamRecord) -> None:
        settings = self._settings.of(left.name)
        files = SegmentFiles(self._packages.folder_of(left.name), stamp_of(left), self._budget)
        window = self._inherited(left.slot)
        files.adopt(file_names(window) if window else frozenset())
        stream = self._worker.directory.find(left.name)
        lives = left.state is StreamState.LIVE and stream is not None and self._wants(stream)
        if window and stream and lives and self._may_go_on(stream, window):
            self._take_over(stream, left.slot, window, files)
        else:
            self._put_aside(Remains(left.slot, left.name, files, kept_s(settings)))

    def _inherited(self, slot: int) -> Window | None:
        """The window as everybody sees it; None if nobody was let in yet, or nobody knows it to the end."""
        try:
            reader = WindowReader(self._packages, slot)
        except BadSnapshot:
            return None
        return reader.window if reader.catch_up() else None

    def _take_over(self, record: StreamRecord, slot: int, window: Window, files: SegmentFiles) -> None:
        self._writer.set_epoch(slot, self._writer.epoch(slot) + 1)
        self._writer.set_state(slot, StreamState.LIVE)
        self._start(record, slot, window, files)

    def _start(self, record: StreamRecord, slot: int, window: Window, files: SegmentFiles) -> None:
        journal = Journal(self._packages.arena, self._writer, slot, window, self._bells)
        settings = self._settings.of(record.name)
        package = Package(
            record,
            RingReader(self._worker.arena, record.slot),
            self._worker.board.row(self._worker.slot.number, record.slot),
            self._worker.directory,
            settings,
            new_cutter(settings, window, self._clock_for(record)),
            journal,
            files,
            self._report,
            window.settings.stamp,
            self._news,
        )
        self._running[record.slot] = package
        if self._listener is not None:
            self._listener.sleepers[record.slot] = package
        self._worker.log.info("packaging", stream=record.name, variant=settings.hls_variant)
        remains = Remains(slot, record.name, files, kept_s(settings))
        self._nursery.start_soon(self._run, package, remains)

    async def _run(self, package: Package, remains: Remains) -> None:
        try:
            await package.run()
        except ArenaFull:
            self._fail(package.record, "no_memory")
        except LostRing:  # this process was taken for dead, and has a successor
            return
        except Exception:  # a fault of ours costs this stream's segments, not those of the others
            self._fail(package.record, "error")
            self._worker.log.exception("package_failed", stream=package.record.name)
        finally:
            self._forget(package)
        if self._leaving and not package.stream_over:
            return  # whoever takes this seat goes on with it
        self._put_aside(remains)
        self._worker.log.info("packaged", stream=package.record.name)

    def _forget(self, package: Package) -> None:
        if self._running.get(package.record.slot) is package:
            del self._running[package.record.slot]
            if self._listener is not None:
                self._listener.sleepers.pop(package.record.slot, None)

    def _put_aside(self, remains: Remains) -> None:
        self._writer.set_state(remains.slot, StreamState.ENDED)
        remains.ended_s = time.monotonic()
        self._ended.append(remains)

    def _fail(self, record: StreamRecord, reason: str) -> None:
        self._report.failed(reason)
        self._pauses[record.slot, record.lease] = time.monotonic() + PAUSE_S

    def end_all(self) -> None:
        """This packager drains. Packages of streams that live are left for its successor."""
        self._leaving = True
        for package in self._running.values():
            package.end(over=not self._is_there(package.record))

    def clear_away(self) -> None:
        """Give back what nobody can ask for any more."""
        now_s = time.monotonic()
        for remains in [each for each in self._ended if each.is_due(now_s)]:
            if not self._packages.board.readers_of(remains.slot):
                remains.clear(self._packages.arena, self._writer)
                self._ended.remove(remains)
        self._pauses = {stream: until_s for stream, until_s in self._pauses.items() if until_s > now_s}
        self._tell_of_outgrown_rings()
        self._report.packages(len(self._running))
        self._report.folder_bytes(self._budget.used_bytes)

    def _tell_of_outgrown_rings(self) -> None:
        """Say once for each package that its stream is too much for hls.ring_bytes."""
        for slot, package in self._running.items():
            if package.outgrown_bytes and (slot, package.record.lease) not in self._told:
                self._told.add((slot, package.record.lease))
                self._worker.log.warning(
                    "hls_ring_outgrown",
                    stream=package.record.name,
                    listed_bytes=package.outgrown_bytes,
                    ring_bytes=self._packages.arena.geometry.ring_bytes,
                )
        self._told &= {(slot, package.record.lease) for slot, package in self._running.items()}


def file_names(window: Window) -> frozenset[str]:
    """The files that a window's playlist names, or will name."""
    settings = window.settings
    segments = {segment_name(settings.stamp, segment.msn, settings.suffix) for segment in window.segments}
    numbers = {segment.init for segment in window.segments}
    numbers |= {window.init.number} if window.init else set()
    return frozenset(segments | {init_name(settings.stamp, number) for number in numbers})
