"""An engine for the control surface to look at: real shared memory, and workers played by the test."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from engine.config import Programmes
from engine.media.describe import codec_number
from shm.arena import Arena
from shm.board import Board, RowCell, WorkerState
from shm.directory import Directory, DirectoryWriter, LinkEncryption, LinkStats, StreamStats
from shm.layout import Geometry
from workers.control import models
from workers.control.api import Desk
from workers.control.bans import Bans
from workers.control.breakers import Breakers
from workers.control.clients import Clients
from workers.control.programmes import ProgrammeGuide
from workers.control.staff import Staff
from workers.control.streams import Streams
from workers.control.tally import Tally
from workers.runtime.bus import BusTimeout
from workers.runtime.messages import (
    AnyMessage,
    ClientInfo,
    ClientsPage,
    Kick,
    KickResult,
    ListClients,
    Message,
)
from workers.runtime.slots import WorkerSlot

GEOMETRY = Geometry(workers=4, streams=8, ring_bytes=1024 * 1024, index_entries=1024)
SLOTS = (
    WorkerSlot(0, "ingest", 0),
    WorkerSlot(1, "fanout", 0),
    WorkerSlot(2, "fanout", 1),
    WorkerSlot(3, "control", 0),
)
FANOUTS = (1, 2)
NOW_NS = 100_000_000_000
CONFIGURED = Programmes.parse({"live/final": ["live/final_1080", "live/final_480"]})

STATS = StreamStats(
    bytes_in=5_000,
    tags_in=90,
    keyframes=3,
    repairs=2,
    last_tag_ns=NOW_NS - 40_000_000,
    bitrate_bps=1_000_000,
    video_fps_milli=29_970,
    keyframe_interval_ms=2_000,
    width=640,
    height=360,
    publisher_id=0xABC,
    video_codec=codec_number("avc1"),
    audio_codec=codec_number("mp4a"),
)


HOOKS = models.Hooks(
    queued=3,
    oldest_s=1.5,
    spool_bytes=2000,
    spool_limit_bytes=4_000_000,
    sessions=2,
    delivered=10,
    refused=1,
    dropped=0,
    removed=0,
    failed=4,
    services=[models.HookService(url="http://a.example/hook", queued=3, answered_at=None)],
    failures=[],
)

LINK = LinkStats(
    rtt_us=60_500,
    rtt_variation_us=4_500,
    receive_bps=5_000_000,
    bandwidth_bps=80_000_000,
    packets_received=1_010,
    packets_lost=20,
    packets_recovered=18,
    packets_dropped_late=2,
    packets_retransmitted=30,
    packets_duplicate=12,
    packets_reordered=3,
    buffer_ms=240,
    latency_ms=250,
    flow_window=8_192,
    congestion_window=4_096,
    flight=0,
    encryption=LinkEncryption.AES_256_CTR,
    peer_version=0x010503,
)


def client(client_id: str, stream: str = "live/a", role: str = "player") -> ClientInfo:
    return ClientInfo(
        id=client_id,
        worker=client_id.partition("-")[0],
        protocol="http-flv",
        role=role,
        stream=stream,
        remote="127.0.0.1:5000",
        started_ns=1_700_000_000_123_456_789,
        bytes=10,
        tags=2,
        dropped_tags=1,
        jumps=1,
        lag_ms=30,
        user_agent="VLC",
        state="playing",
        key="van",
    )


class ScriptedBus:
    """Answers as workers would; those in `silent` never do, and time passes."""

    def __init__(self) -> None:
        self.clients: dict[int, list[ClientInfo]] = {slot.number: [] for slot in SLOTS}
        self.silent: set[int] = set()
        self.asked: list[tuple[int, AnyMessage]] = []
        self.page_cap = 1000

    def handle(self, _kind: type[Message], _handler: object) -> None:
        """Nobody sends orders here."""

    async def request(self, to: int, message: AnyMessage, timeout_s: float) -> AnyMessage:
        self.asked.append((to, message))
        if to in self.silent:
            await trio.sleep(timeout_s)
            raise BusTimeout("silent")
        await trio.lowlevel.checkpoint()
        return self._list(to, message) if isinstance(message, ListClients) else self._kick(to, message)

    def _list(self, to: int, question: ListClients) -> ClientsPage:
        mine = sorted(self.clients[to], key=lambda info: info.id)
        wanted = [
            info for info in mine if info.id > question.after and question.stream in (None, info.stream)
        ]
        limit = min(question.limit, self.page_cap)
        return ClientsPage(wanted[:limit], len(wanted) > limit)

    def _kick(self, to: int, order: AnyMessage) -> KickResult:
        assert isinstance(order, Kick)
        found = [info for info in self.clients[to] if info.id == order.client_id]
        for info in found:
            self.clients[to].remove(info)
        return KickResult(bool(found))


class CountingChild:
    def __init__(self) -> None:
        self.values: list[float] = []

    def inc(self, amount: float = 1) -> None:
        self.values.append(amount)

    dec = set = observe = add = inc


class CountingMetrics:
    """Keeps what was counted, by name and labels."""

    def __init__(self) -> None:
        self.children: dict[tuple[str, tuple[tuple[str, str], ...]], CountingChild] = {}

    def bind(self, name: str, **labels: str) -> CountingChild:
        return self.children.setdefault((name, tuple(sorted(labels.items()))), CountingChild())

    gather = bind

    def flush(self) -> None:
        """Everything is handed on already."""

    def labels(self, name: str) -> list[Mapping[str, str]]:
        return [dict(labels) for bound, labels in self.children if bound == name]


class House(NamedTuple):
    """Everything a test may turn or look at."""

    arena: Arena
    board: Board
    writer: DirectoryWriter
    directory: Directory
    bus: ScriptedBus
    staff: Staff
    tally: Tally
    desk: Desk

    def publish(self, name: str, stats: StreamStats = STATS) -> int:
        """Let a stream be there; gives its slot."""
        slot = self.writer.claim(name)
        self.writer.set_stats(slot, stats)
        return slot

    def row(self, worker: int, stream: int) -> RowCell:
        """The worker's row, made to be about the stream that is in the slot now."""
        row = self.board.row(worker, stream)
        row.lease = self.directory.get(stream).lease
        return row

    def seat(self, worker: int, *, now_ns: int = NOW_NS, state: WorkerState = WorkerState.READY) -> None:
        """Let a worker's heart beat at `now_ns`."""
        cell = self.board.worker(worker)
        cell.pid, cell.generation = 1000 + worker, 1
        cell.state = state
        cell.heartbeat_ns = cell.ready_ns = now_ns


@contextmanager
def open_house() -> Iterator[House]:
    arena = Arena.create(GEOMETRY)
    board, bus = Board(arena), ScriptedBus()
    directory = Directory(arena)
    staff, tally = Staff(board, SLOTS), Tally(board, FANOUTS)
    streams = Streams(directory, tally, SLOTS)
    programmes = ProgrammeGuide(directory, streams, lambda: CONFIGURED)
    with tempfile.TemporaryDirectory() as folder:
        bans = Bans(Path(folder))
        desk = Desk(
            streams, programmes, Clients(bus, staff), staff, Breakers(board, SLOTS), bans, lambda: HOOKS
        )
        house = House(arena, board, DirectoryWriter(arena, 0, 1), directory, bus, staff, tally, desk)
        for slot in SLOTS:
            house.seat(slot.number)
        try:
            yield house
        finally:
            arena.close()


class Lines:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[dict[str, object]] = []

    def _keep(self, _logger: object, _name: str, event: structlog.typing.EventDict) -> str:
        self.lines.append(dict(event))
        raise structlog.DropEvent

    def logger(self) -> FilteringBoundLogger:
        log: FilteringBoundLogger = structlog.wrap_logger(
            None,
            processors=[
                structlog.contextvars.merge_contextvars,
                structlog.processors.add_log_level,
                self._keep,
            ],
            wrapper_class=structlog.make_filtering_bound_logger(10),
        )
        return log
