"""Who may come in at all: what an address may have, who is banned, and whether this worker is overloaded.

Asked at accept, and again where somebody says what he wants; looked after once a second. What it decides is
carried out by those who ask.
"""

import time
from pathlib import Path
from typing import Final

import trio

from engine.access.bans import BanTable
from engine.config import Config
from engine.policy.addresses import AddressBook, AddressLimits, Visit, parse_networks, share_of
from engine.policy.overload import Ladder, Level, Load
from workers.fanout.visits import KINDS
from workers.runtime.bans import BanWatch
from workers.runtime.slots import FANOUT, of_role
from workers.runtime.worker import Worker

BANNED: Final = "banned"
OVERLOADED: Final = "overloaded"
"""Reasons in counters and logs."""

MAX_UNDECIDED: Final = 64
"""Publishers of one address that a hook service is being asked about, all workers together, and players
likewise: a quarter of what may wait for one service, and twice what it is asked at a time, so that no honest
crowd behind one router would get in sooner without this."""


class Guard:
    """One worker's.

    Args:
        config: for the limits.
        workers: how many share what an address may have.
        folder: where bans are told; None for none.
    """

    def __init__(self, config: Config, workers: int, folder: Path | None) -> None:
        self._workers = workers
        self._book = AddressBook(AddressLimits())
        self.undecided = {kind: AddressBook(AddressLimits()) for kind in KINDS}
        """Whom services are being asked about; over HTTP/2 one connection may be many that play."""
        self.guests = AddressBook(AddressLimits())
        """Players of HLS that services hear of: one connection may be many, and each says who it is."""
        self._bans = BanWatch(folder)
        self._bans_seen = self._bans.version
        self._ladder = Ladder()
        self._worker: Worker | None = None  # whose load is looked at
        self.configure(config)

    @classmethod
    def of(cls, worker: Worker) -> "Guard":
        """The guard of a worker, which follows its configuration."""
        guard = cls(worker.config, len(of_role(worker.slots, FANOUT)), worker.metrics.directory)
        guard._worker = worker
        worker.on_reload(lambda _old, new: guard.configure(new))
        return guard

    @classmethod
    def open(cls) -> "Guard":
        """One that lets everybody in."""
        guard = cls(Config(), 1, None)
        for book in guard._books:
            book.limits = AddressLimits()
        return guard

    @property
    def _books(self) -> tuple[AddressBook, ...]:
        return self._book, self.guests, *self.undecided.values()

    def configure(self, config: Config) -> None:
        """Hold to other limits from now on; who is here stays."""
        addresses = config.addresses
        exempt = parse_networks(addresses.exempt)
        for book in self._books:
            book.exempt = exempt
        rate = addresses.max_handshakes_per_s / self._workers
        self._book.limits = self.guests.limits = AddressLimits(
            max_connections=share_of(addresses.max_connections, self._workers), max_handshakes_per_s=rate
        )
        undecided = AddressLimits(
            max_connections=share_of(MAX_UNDECIDED, self._workers), max_handshakes_per_s=rate
        )
        for book in self.undecided.values():
            book.limits = undecided
        if not config.overload.enabled:
            self._ladder = Ladder()

    # -- at the door

    def enter(self, host: str) -> Visit:
        """Somebody comes from `host`; with every visit, refused or not, goes a `leave`."""
        if self.is_banned(host):
            return Visit(BANNED)
        return self._book.enter(host, trio.current_time())

    def leave(self, visit: Visit) -> None:
        self._book.leave(visit)

    # -- inside

    @property
    def level(self) -> Level:
        """How far up the overload ladder this worker stands."""
        return self._ladder.level

    @property
    def bans(self) -> BanTable:
        """The bans of now."""
        return self._bans.look()

    def is_banned(self, host: str) -> bool:
        """Whether an address is kept out."""
        return self.bans.of_address(host, time.time()) is not None

    def was_banned(self, host: str) -> bool:
        """The same as of the last look at the bans, a second ago at most: for who asks at each request."""
        return self._bans.table.of_address(host, time.time()) is not None

    @property
    def takes_players(self) -> bool:
        return self.level < Level.NO_PLAYERS

    def is_key_banned(self, key_id: str) -> bool:
        """Whether whoever comes with this key is kept out."""
        return self.bans.of_key(key_id, time.time()) is not None

    def was_key_banned(self, key_id: str) -> bool:
        """As `was_banned`, for keys."""
        return self._bans.table.of_key(key_id, time.time()) is not None

    def was_player_banned(self, host: str, key_id: str) -> bool:
        """The same for whoever plays from there, with that key."""
        return self.was_banned(host) or self.was_key_banned(key_id)

    def is_publisher_banned(self, host: str, name: str, key_id: str) -> bool:
        """Whether whoever would publish `name` from there, with that key, is kept out."""
        return self._bans.of_publisher(host, name, key_id) is not None

    def why_no_publisher(self, name: str, *, is_there: bool) -> str:
        """Why nobody may publish `name` now; empty if somebody may.

        is_there: the stream lives, or waits for its publisher: who comes back to it is no new load.
        """
        if self.bans.of_stream(name, time.time()) is not None:
            return BANNED
        return "" if is_there or self.level < Level.NO_PUBLISHERS else OVERLOADED

    # -- once a second

    def bans_changed(self) -> bool:
        """Whether there are other bans than when this was last asked."""
        self._bans.look()
        before, self._bans_seen = self._bans_seen, self._bans.version
        return before != self._bans_seen

    def take_load(self) -> None:
        """Go up or down the ladder by what the worker's vitals say, and tell."""
        worker = self._worker
        if worker is None:
            return
        overload = worker.config.overload
        if overload.enabled:
            load = worker.vitals.take_load(overload.max_loop_lag_ms / 1000, overload.max_cpu_percent / 100)
            before = self._ladder.level
            if self._ladder.sample(load) is not before:
                self._tell_step(worker, before, load)
        worker.cell.overload = int(self._ladder.level)

    def _tell_step(self, worker: Worker, before: Level, load: Load) -> None:
        scarcest, share = load.worst()
        worker.log.warning(
            "overload",
            step=self._ladder.level.name.lower(),  # `level` is the line's own
            before=before.name.lower(),
            scarcest=scarcest,
            percent=round(100 * share),
        )
