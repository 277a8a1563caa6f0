"""What players of Low-Latency HLS ask four times a second, answered without a task of its own.

Two requests are all that counts: the playlist with the next part in it, and that part. For both everything is
at hand (or will be: a reload is held by its shelf), so they are answered where they are heard, or where the
part has come. Whatever is out of the ordinary is left to the connection's task and `Answers`, which knows all
cases; so here nothing is refused, and nothing waits.
"""

import functools
import time
from collections.abc import Callable
from typing import NamedTuple

import trio

from engine.access.names import BadName, parse_played_name
from engine.protocols import hls
from engine.protocols.hls import PartName, parse_directives, parse_name
from engine.protocols.http import Route
from shm.directory import StreamRecord
from workers.fanout.answers import Answers, Work, route_of
from workers.fanout.audience import Audience
from workers.fanout.connection import PeerGone
from workers.fanout.exchange import Overwritten
from workers.fanout.hls_answers import Hls, is_begun
from workers.fanout.holds import NotInTime, Unanswerable
from workers.fanout.http1_exchange import Http1Exchange
from workers.fanout.shelf import Shelf

OK: int = 200


class Left(NamedTuple):
    """What is left to a connection's task: to do `work`, or all that there is to do about a request."""

    exchange: Http1Exchange
    route: Route | None = None
    work: Work | None = None


class Reload:
    """A playlist that was asked for ahead of time; its shelf ends it (`Held`).

    Args:
        on_end: hears of it once, unless the reload was given up before.
    """

    __slots__ = (
        "_on_end",
        "_since_s",
        "directives",
        "exchange",
        "is_over",
        "msn",
        "part",
        "route",
        "shelf",
        "until_s",
    )

    def __init__(
        self,
        exchange: Http1Exchange,
        route: Route,
        shelf: Shelf,
        directives: hls.Directives,
        on_end: Callable[["Reload"], None],
    ) -> None:
        assert directives.msn is not None
        self.exchange = exchange
        self.route = route
        self.shelf = shelf
        self.directives = directives
        self.msn, self.part = directives.msn, directives.part
        self.until_s = trio.current_time() + shelf.patience_s
        self.is_over = False
        self._since_s = time.monotonic()
        self._on_end = on_end

    def end(self) -> None:
        if not self.is_over:
            self.stop()
            self._on_end(self)

    def stop(self) -> None:
        """It waits no longer."""
        self.is_over = True
        self.exchange.leave_out(time.monotonic() - self._since_s)


Outcome = Left | Reload | None
"""None: it is answered."""


class QuickAnswers:
    """Answers at once, or says who will.

    Args:
        audience: for the streams and the counters.
        hls: what all HLS players share.
        answers: counts, and knows all other answers.
    """

    def __init__(self, audience: Audience, hls: Hls, answers: Answers) -> None:
        self._audience = audience
        self._hls = hls
        self._answers = answers

    def try_to_answer(self, exchange: Http1Exchange, on_end: Callable[[Reload], None]) -> Outcome:
        """Answer a request on a connection that is kept. Raises PeerGone, and Overwritten."""
        request = exchange.request
        route = route_of(request)
        if route is None or request.method != "GET" or not request.keep_alive:
            return Left(exchange)
        if self._audience.guard.was_banned(exchange.host):
            return Left(exchange)
        try:
            if route.kind == "media":
                return self._answer_media(exchange, route, on_end)
            if route.kind == "file":
                return self._answer_part(exchange, route)
        except (BadName, Unanswerable, hls.RemoteProtocolError):
            pass  # said by whoever is asked next
        return Left(exchange)

    def end(self, reload: Reload) -> Outcome:
        """Answer a reload whose part is there, or that has waited long enough. Raises PeerGone."""
        self._audience.report.in_flight -= 1
        self._hls.answers.holds.release(reload.exchange.host)
        if not reload.shelf.window.has(reload.msn, reload.part):
            return Left(reload.exchange, reload.route, not_in_time)
        self._audience.report.reload_held(reload.shelf.lateness_s)
        return self._send_media(reload.exchange, reload.route, reload.shelf, reload.directives)

    def give_up(self, reload: Reload) -> None:
        """Its player has gone before it was answered."""
        if not reload.is_over:
            reload.stop()
            self._audience.report.in_flight -= 1
            self._hls.answers.holds.release(reload.exchange.host)
            self._answers.count_gone(reload.exchange, reload.route)

    # -- playlists

    def _answer_media(
        self, exchange: Http1Exchange, route: Route, on_end: Callable[[Reload], None]
    ) -> Outcome:
        shelf = self._find(route)
        if shelf is None or not shelf.window.ready:
            return Left(exchange)
        if not self._audience.guard.takes_players:  # those who watch go on, but that is another's to say
            return Left(exchange)
        directives = parse_directives(exchange.request.query)
        record = self._audience.hub.find(shelf.record.name)
        if record is not None:
            self._hls.library.ask_for(record)
            self._audience.hls_players.note(record, exchange)
        self._open_account(shelf, record, exchange)
        msn, part = directives.msn, directives.part
        if msn is None or shelf.window.has(msn, part):
            return self._send_media(exchange, route, shelf, directives)
        holds = self._hls.answers.holds
        if shelf.window.too_far(msn, part) or not holds.has_room(exchange.host):
            return Left(exchange)
        holds.take(exchange.host)
        self._audience.report.in_flight += 1
        reload = Reload(exchange, route, shelf, directives, on_end)
        shelf.hold(reload)
        return reload

    def _send_media(
        self, exchange: Http1Exchange, route: Route, shelf: Shelf, directives: hls.Directives
    ) -> Outcome:
        answer = self._hls.answers.media_answer(exchange.request, exchange.request_id, shelf, directives)
        return self._send(exchange, route, functools.partial(exchange.offer, *answer), answer.head.status)

    # -- parts

    def _answer_part(self, exchange: Http1Exchange, route: Route) -> Outcome:
        shelf, name = self._find(route), parse_name(route.file)
        if shelf is None or not isinstance(name, PartName) or name.stamp != shelf.window.settings.stamp:
            return Left(exchange)
        growing = shelf.growing
        if growing is not None and not growing.whole and is_begun(shelf, name):
            return Left(exchange)
        head, part = self._hls.answers.part_answer(shelf, name, exchange.request_id)
        self._open_account(shelf, self._audience.hub.find(shelf.record.name), exchange)
        return self._send(exchange, route, functools.partial(exchange.offer_part, head, part), OK)

    def _open_account(self, shelf: Shelf, record: StreamRecord | None, exchange: Http1Exchange) -> None:
        live = None if shelf.window.ended else record
        self._audience.hls_players.open_account(shelf.record.name, live, exchange)

    def _find(self, route: Route) -> Shelf | None:
        """The shelf of a stream that everybody may watch without being asked or asked about."""
        name = parse_played_name(route.raw_name)
        return self._hls.library.find(name) if self._audience.is_for_all(name) else None

    def _send(
        self, exchange: Http1Exchange, route: Route, offer: Callable[[], bytes], status: int
    ) -> Outcome:
        try:
            rest = offer()
        except (PeerGone, Overwritten):
            self._answers.count_gone(exchange, route)
            raise
        if rest:
            return Left(exchange, route, functools.partial(send_rest, exchange, rest, status))
        self._answers.count(exchange, route, status)
        return None


async def send_rest(exchange: Http1Exchange, rest: bytes, status: int) -> int:
    """Send what the socket did not take at once; the status."""
    await exchange.send_rest(rest)
    return status


async def not_in_time() -> int:
    """What a reload waited for did not come."""
    raise NotInTime
