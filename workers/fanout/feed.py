"""One stream in this worker: its ring, its pumps, and the tick they are driven at.

A feed sleeps until ingest rings (bell.py), lets every pump pass, and then rests for a tick. While it rests
it is disarmed, and ingest does not ring for it. It arms before it sleeps and looks at the ring again after
arming, because a store here and a load there may pass each other; the bell's safety poll mends what slips
through all the same.
"""

import contextlib
import time

import trio

from engine.config import PathSettings
from engine.media.gop import GopLimits, StartMode, choose_start
from engine.media.headers import retime_blob
from engine.media.tags import KIND_AUDIO, KIND_VIDEO
from engine.policy.lag import LagLimits, SlowPolicy
from engine.policy.pacing import Pacer, WorkerLoad
from shm.board import Interest, RowCell
from shm.directory import Directory, StreamRecord
from shm.errors import Lapped
from shm.ring import NO_START, Entry, RingReader
from workers.fanout.logs import Head
from workers.fanout.player import Player
from workers.fanout.pump import Pump
from workers.fanout.pumps import AnyPump
from workers.fanout.seams import Seams
from workers.fanout.ts_pump import TsPump
from workers.fanout.wire import FLV, RTMP, SRT, WEBSOCKET_FLV, WEBSOCKET_MP4, Wire, whole_tags
from workers.runtime.bells import shared_ns
from workers.runtime.circle import Circle

NOTHING_YET = Entry(-1, 0, 0, 0, 0, 0, 0, 0, 0, 0, NO_START)
"""Stands for the newest tag of a ring that has none."""

SAFETY_POLL_S: float = 0.020
"""How often a sleeping feed looks at its ring unasked: the most that a lost wake-up can cost. A feed that
rests for its tick looks anyway when that is over."""

BOARD_WORDS = {
    FLV.name: "players_http",
    WEBSOCKET_FLV.name: "players_ws",
    WEBSOCKET_MP4.name: "players_mp4",
    RTMP.name: "players_rtmp",
    SRT.name: "players_srt",
}

MIN_LOW_WATER_BYTES: int = 32 * 1024
"""Least that the kernel may hold unsent for a player: two ticks of 1 Mbit/s, and any pass below goes in one
send.
"""


class Feed:
    """A stream that has, or just had, players in this worker.

    Args:
        record: the directory's word on the stream when the feed was opened.
        reader: the ring.
        row: where this worker says that it cares, and who watches.
        directory: for codec headers.
        settings: the stream's own.
        load: what all feeds of the worker cost together; decides the tick.
        circle: serves SRT players between passes.
    """

    def __init__(
        self,
        record: StreamRecord,
        reader: RingReader,
        row: RowCell,
        directory: Directory,
        settings: PathSettings,
        load: WorkerLoad,
        circle: Circle,
    ) -> None:
        self.record = record
        self.reader = reader
        self.row = row
        self._load = load
        self._circle = circle
        self.pacer = Pacer(settings.min_coalesce_ms, settings.max_coalesce_ms, load=load)
        self.reconfigure(settings)
        self.pumps: dict[str, AnyPump] = {}
        self.newest_dts_us = 0
        self.over = ""  # why the stream is over, once it is
        self.idle_since_s = trio.current_time()
        self.started = trio.Event()  # players may join from then on
        self._directory = directory
        self._wake = trio.Event()
        self._passes_s: list[float] = []
        self._away_s = 0.0  # of the running pass: what other tasks took in between
        head = self._read_head()
        self._seen_seq = head.seq
        self._seen_head = head
        self.seams = Seams(reader, head)
        self._headers: tuple[int, bytes] = (-1, b"")
        self._headers_version = -1
        row.begin(record.lease)
        row.interest = Interest.ARMED

    def reconfigure(self, settings: PathSettings) -> None:
        """Take other settings from the next tick, player and verdict on."""
        self.settings = settings
        self.lag_limits = lag_limits(settings)
        self.gop_limits = gop_limits(settings)
        self.pacer.rest()  # its passes leave the worker's load with it
        self.pacer = Pacer(settings.min_coalesce_ms, settings.max_coalesce_ms, load=self._load)

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def player_count(self) -> int:
        return sum(pump.player_count for pump in self.pumps.values())

    @property
    def has_row(self) -> bool:
        """Whether the row is still this stream's: players may linger for longer than that."""
        return self.row.lease == self.record.lease

    # -- players

    def join(self, player: Player, wire: Wire, mode: StartMode) -> None:
        """Take in `player`, at the start that its mode asks for."""
        pump = self.pumps.get(wire.name)
        if pump is None:
            pump = self.pumps[wire.name] = self._new_pump(wire)
        player.tail += wire.opening(*self._tracks())
        player.pump = pump
        pump.join(player, self.choose_start(mode))
        self._note_players(pump)

    def _new_pump(self, wire: Wire) -> AnyPump:
        head = self._log_begin()
        return TsPump(self, wire, self._circle, head) if wire is SRT else Pump(self, wire, head)

    def leave(self, player: Player, reason: str) -> None:
        """The connection of `player` is over."""
        if player.pump is not None:
            player.pump.leave(player, reason)
            self._note_players(player.pump)

    def abandon(self, reason: str) -> None:
        """Something is wrong here: end every player at once."""
        self.over = self.over or reason
        for pump in self.pumps.values():
            for player in pump.players():
                pump.leave(player, reason)
                player.hang_up()

    def _note_players(self, pump: AnyPump) -> None:
        """Keep the board true: it is what the API shows, and what a successor counts if this worker dies."""
        if self.has_row:
            setattr(self.row, BOARD_WORDS[pump.wire.name], pump.player_count)

    def low_water_bytes(self) -> int:
        """TCP_NOTSENT_LOWAT for this stream's players: about two ticks."""
        stats = self._directory.get(self.record.slot).stats  # `record` may be older
        tick_bytes = stats.bitrate_bps // 8 * self.settings.max_coalesce_ms // 1000
        return max(MIN_LOW_WATER_BYTES, 2 * tick_bytes)

    def choose_start(self, mode: StartMode) -> Entry | None:
        """Where a new player begins; None to wait for the next start point."""
        head = self._read_head()
        generation, _ = self._read_headers()
        starts: list[Entry] = []
        start = self.reader.newest_start()
        while start is not None and len(starts) <= self.gop_limits.max_gops:
            starts.append(start)
            start = self.reader.previous_start(start)
        return choose_start(
            mode, starts, head.position, head.newest.dts_us, generation, self.seams.epoch, self.gop_limits
        )

    def headers_at(self, start: Entry, wire: Wire) -> bytes | None:
        """Metadata and codec headers with the time of `start`, in `wire`'s framing; None if they have
        changed since.
        """
        generation, blob = self._read_headers()
        if generation != start.generation:
            return None
        timed = retime_blob(blob, start.dts_us // 1000)
        return wire.encode_headers(timed)

    def codec_headers(self) -> bytes:
        """Metadata and codec headers as they are now, as whole FLV tags."""
        return self._read_headers()[1]

    def dts_us_of(self, seq: int) -> int:
        """Time of tag `seq`; the newest time for one that is still to come, or gone."""
        try:
            return self.reader.entry(seq).dts_us if seq < self.reader.head_seq else self.newest_dts_us
        except Lapped:
            return self.newest_dts_us

    def take_passes_s(self) -> list[float]:
        """How long the passes since the last time took."""
        passes_s, self._passes_s = self._passes_s, []
        return passes_s

    def _read_headers(self) -> tuple[int, bytes]:
        version = self._directory.version
        if version != self._headers_version:
            self._headers = self._directory.headers(self.record.slot)
            self._headers_version = version
        return self._headers

    def _tracks(self) -> tuple[bool, bool]:
        """Which tracks the FLV header announces: what the codec headers say; both while nothing is known."""
        kinds = {tag[0] for tag in whole_tags(self._read_headers()[1])}
        has_video, has_audio = KIND_VIDEO in kinds, KIND_AUDIO in kinds
        return (True, True) if not (has_video or has_audio) else (has_video, has_audio)

    # -- the tick

    def has_news(self) -> bool:
        return self.reader.head_seq != self._seen_seq or bool(self.over)

    def wake(self) -> None:
        self._wake.set()

    def end(self, reason: str) -> None:
        """The stream is over: players get the rest and a farewell."""
        self.over = self.over or reason
        self.wake()

    async def run(self) -> None:
        """Drive the pumps until the stream is over and its players have what was theirs."""
        async with trio.open_nursery() as self.nursery:
            self.started.set()
            while not self.over:
                await self._wait_for_news()
                began_s = trio.current_time()
                await self._pass()
                await self._rest(began_s)
            await self._pass()
            self.pacer.rest()
            for pump in self.pumps.values():
                pump.finish(self.over)

    async def _wait_for_news(self) -> None:
        self.row.interest = Interest.ARMED
        while not self.has_news():
            self._wake = trio.Event()
            with trio.move_on_after(SAFETY_POLL_S):
                await self._wake.wait()
        self.row.interest = Interest.WITHIN_TICK

    async def _pass(self) -> None:
        """Look at the ring and let every pump pass; note how much processor time that took."""
        began_s, self._away_s = time.thread_time(), 0.0
        # Lapped: the ring changed under this look at it; the next one is right again.
        with contextlib.suppress(Lapped):
            await self._look_and_send()
        pass_s = time.thread_time() - began_s - self._away_s
        self.pacer.note(pass_s)
        self._passes_s.append(pass_s)

    async def give_way(self) -> None:
        """Let the other tasks have a turn, without counting it as part of the pass."""
        began_s = time.thread_time()
        await trio.lowlevel.checkpoint()
        self._away_s += time.thread_time() - began_s

    async def _look_and_send(self) -> None:
        head = self._read_head()
        self._seen_seq = head.seq
        self._seen_head = head
        self.newest_dts_us = head.newest.dts_us
        self.seams.look(head)
        for pump in list(self.pumps.values()):
            await pump.run_pass(head)

    async def _rest(self, began_s: float) -> None:
        tick_s = self.pacer.tick_s
        if tick_s > 0 and not self.over:
            self.row.looks_ns = shared_ns(began_s + tick_s)
            await trio.sleep_until(began_s + tick_s)
        elif self.has_news():  # a publisher may be as quick as we are; the others want their turn
            await trio.lowlevel.checkpoint()

    def _log_begin(self) -> Head:
        """Where a new log begins: at the ring's end, unless there is a seam before it that `seams` has not
        seen."""
        head = self._read_head()
        return head if head.newest.epoch == self.seams.epoch else self._seen_head

    def _read_head(self) -> Head:
        position, seq = self.reader.head()
        if seq <= self.reader.oldest_seq:
            return Head(position, seq, NOTHING_YET._replace(epoch=self.record.epoch))
        return Head(position, seq, self.reader.entry(seq - 1))


def lag_limits(settings: PathSettings) -> LagLimits:
    return LagLimits(
        max_lag_s=settings.max_lag_s,
        max_lag_bytes=settings.max_lag_bytes,
        policy=SlowPolicy(settings.slow_player),
        max_jumps=settings.max_jumps,
        jump_window_s=settings.jump_window_s,
    )


def gop_limits(settings: PathSettings) -> GopLimits:
    gop = settings.gop
    return GopLimits(max_gops=gop.max_gops, max_duration_s=gop.max_duration_s, max_bytes=gop.max_bytes)
