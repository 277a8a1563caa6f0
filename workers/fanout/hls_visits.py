"""Players of HLS as webhooks know them: an address and a user agent that ask for one stream.

HLS has no connection that a player is, so a visit begins with the first request for anything of the stream,
and ends when nothing has been asked for in a while. It is this worker's: a player whose connections lead to
several workers is asked about by each. A player keeps the name it has asked for, whatever a service calls it.

Anybody can be many players, by as many names of user agents on one connection. So what an address may have of
connections it may have of such players, beside those.

Who is let in is a client that can be listed and sent away, by the id that the service knows: it gets no more
for the rest of its visit.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from typing import Final

import trio
from structlog.typing import FilteringBoundLogger

from engine.access.reasons import SENTENCES
from engine.policy.addresses import AddressBook, AddressLimits
from engine.policy.addresses import Visit as AddressVisit
from workers.fanout.exchange import Exchange
from workers.fanout.guard import BANNED
from workers.fanout.hls_players import MAX_VIEWERS, VIEWER_S, who_of
from workers.fanout.holds import Unanswerable
from workers.fanout.visits import UNDECIDED, Denied, Visit, Visits, Who

PROTOCOL: Final = "hls"

DENIED_S: Final = 5.0
"""How long a "no" holds before the service is asked again: players that are refused try every second."""

OVER: Final = "the time that was given is over"
SENT_AWAY: Final = "this player was sent away"
LEAVING: Final = "this server is about to leave, ask again"

TOO_MANY_PLAYERS: Final = "too_many_players"
ADDRESS_PLAYERS: Final = "address_players"
"""Reasons in counters and logs."""


class Crowded(Unanswerable):
    """There are too many players; this one was not asked about. `reason` is the label in the counters.

    What is an address's own doing is 429, as it is no fault of ours that an error budget would pay for.
    """

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(503 if reason == TOO_MANY_PLAYERS else 429, text, refusal=reason)
        self.reason = reason


class Guest:
    """One player of one stream: not decided about yet, or let in, or refused, or let in and over.

    `place` is what counts it for its address.
    """

    __slots__ = (
        "client_id", "decided", "denied", "host", "key_id", "over", "place", "seen_s", "sent_bytes",
        "started_ns", "stream", "user_agent", "visit",
    )  # fmt: skip

    def __init__(self, who: Who, stream: str, host: str, place: AddressVisit) -> None:
        self.client_id = who.client_id
        self.key_id = who.key_id
        self.user_agent = who.user_agent
        self.stream = stream
        self.host = host
        self.started_ns = time.time_ns()
        self.place = place
        self.decided = trio.Event()
        self.visit: Visit | None = None
        self.denied: Denied | None = None
        self.over = ""
        """Why it gets no more, if it was let in before."""
        self.seen_s = trio.current_time()
        self.sent_bytes = 0

    def end(self, reason: str, why: str = OVER) -> None:
        """Its visit is over, if it had one: the first time counts. It is told `why`, should it ask again."""
        self.over = self.over or why
        if self.visit is not None:
            self.visit.end(reason, trio.current_time() - self.visit.began_s, self.sent_bytes)

    def is_stale(self, now_s: float) -> bool:
        """Whether nothing is to be remembered of it."""
        limit_s = DENIED_S if self.denied is not None else VIEWER_S
        return self.decided.is_set() and now_s - self.seen_s > limit_s


class HlsVisits:
    """All of this worker's.

    Args:
        visits: where they begin.
        worker_name: begins their ids.
        log: the worker's.
        addresses: how many of one address there may be; without it, any number.
    """

    def __init__(
        self,
        visits: Visits,
        worker_name: str,
        log: FilteringBoundLogger,
        addresses: AddressBook | None = None,
    ) -> None:
        self._visits = visits
        self._worker_name = worker_name
        self._log = log
        self._addresses = addresses if addresses is not None else AddressBook(AddressLimits())
        self._guests: dict[tuple[str, str], Guest] = {}
        self._closed = False

    async def check(self, name: str, exchange: Exchange, query: str, key_id: str = "") -> None:
        """Return if this player, let in with that key, may have what is of the stream `name`. Raises
        Unanswerable.
        """
        if not self._visits.follows("play", name):
            return
        guest = await self._find(name, exchange, query, key_id)
        self._check_open()
        now_s = trio.current_time()
        if guest.denied is not None:
            raise Unanswerable(403, str(guest.denied), refusal=guest.denied.reason)
        guest.seen_s = now_s
        if guest.visit is not None and guest.visit.is_over(now_s):
            guest.end("lifetime")
        if guest.over:
            raise Unanswerable(403, guest.over)
        exchange.guest = guest

    def __iter__(self) -> Iterator[Guest]:
        """Those who get what they ask for."""
        return (guest for guest in self._guests.values() if guest.visit is not None and not guest.over)

    def kick(self, client_id: str, reason: str) -> bool:
        """End a player's visit now; False if it is not here."""
        guest = next((one for one in self if one.client_id == client_id), None)
        if guest is not None:
            guest.end(reason, SENT_AWAY)
        return guest is not None

    def sweep(self) -> None:
        """Those end that have not asked for anything in a while."""
        now_s = trio.current_time()
        for key, guest in [entry for entry in self._guests.items() if entry[1].is_stale(now_s)]:
            self._forget(key, guest, "closed")

    def end_banned(self, is_banned: Callable[[str, str], bool]) -> None:
        """Those who are in end whose address is banned, or the key that let them in; whoever is still being
        decided about is refused by whoever asked.
        """
        for key, guest in list(self._guests.items()):
            if guest.visit is not None and is_banned(guest.host, guest.key_id):
                self._forget(key, guest, BANNED, SENTENCES[BANNED])

    def end_all(self) -> None:
        """This worker drains: nobody is asked about any more."""
        self._closed = True
        for key, guest in list(self._guests.items()):
            self._forget(key, guest, "drained")

    def _check_open(self) -> None:
        """Another worker takes whoever comes now. Raises Unanswerable."""
        if self._closed:
            raise Unanswerable(503, LEAVING)

    def _forget(self, key: tuple[str, str], guest: Guest, reason: str, why: str = OVER) -> None:
        if self._guests.get(key) is guest:
            del self._guests[key]
        self._addresses.leave(guest.place)
        guest.end(reason, why)

    async def _find(self, name: str, exchange: Exchange, query: str, key_id: str) -> Guest:
        """The player, decided about; those who ask at the same time wait for one answer."""
        key = (name, who_of(exchange))
        while True:
            guest = self._guests.get(key)
            if guest is not None and guest.is_stale(trio.current_time()):
                self._forget(key, guest, "closed")
                guest = None
            if guest is None:
                return await self._begin(key, exchange, query, key_id)
            await guest.decided.wait()
            if guest.visit is not None or guest.denied is not None:
                return guest

    async def _begin(self, key: tuple[str, str], exchange: Exchange, query: str, key_id: str) -> Guest:
        self._check_open()
        place, who = self._place(exchange), self._who(exchange, query, key_id)
        guest = self._guests[key] = Guest(who, key[0], exchange.host, place)
        try:
            guest.visit = await self._visits.begin("play", guest.stream, who)
        except Denied as denied:
            if denied.reason == UNDECIDED:
                raise Crowded(UNDECIDED, str(denied)) from None
            guest.denied = denied
        finally:
            guest.decided.set()
            if guest.visit is None and guest.denied is None:  # it has left; whoever waits asks anew
                self._forget(key, guest, "closed")
        if self._guests.get(key) is not guest:  # the worker drains since: nobody else would end it
            guest.end("drained")
        guest.seen_s = trio.current_time()
        return guest

    def _place(self, exchange: Exchange) -> AddressVisit:
        """Room for one more. Raises Crowded."""
        if len(self._guests) >= MAX_VIEWERS:
            raise Crowded(TOO_MANY_PLAYERS, "there are too many players here")
        place = self._addresses.enter(exchange.host, trio.current_time())
        if place.news:
            self._log.warning("address_refused", remote=exchange.host, reason=ADDRESS_PLAYERS)
        if place.refused:
            raise Crowded(ADDRESS_PLAYERS, "too many players come from this address")
        return place

    def _who(self, exchange: Exchange, query: str, key_id: str) -> Who:
        client_id = f"{self._worker_name}-{secrets.token_hex(6)}"
        request = exchange.request
        return Who(
            client_id,
            client_id,
            exchange.remote,
            PROTOCOL,
            query,
            request.user_agent,
            exchange.request_id,
            key_id,
        )
