"""What is answered at once: HLS, the player's pages, preflights, and that there is no such thing.

There is no session in the URLs, so that caches work. What counts as a player is an address and a user
agent that asked for a playlist lately.
"""

import functools
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias
from urllib.parse import urlencode

from engine.access.names import BadName, parse_played_name
from engine.access.reasons import SENTENCES
from engine.access.shown import query_to_carry, shown_in_request
from engine.protocols.http import (
    Fields,
    RemoteProtocolError,
    Request,
    Route,
    etag_of,
    parse_route,
    plain_answer,
    preflight_head,
)
from workers.fanout import pages
from workers.fanout.admission import name_in
from workers.fanout.audience import Audience
from workers.fanout.bodies import send_document
from workers.fanout.doorman import judge, refusal_of, unless_banned
from workers.fanout.exchange import Exchange, waiting
from workers.fanout.guard import BANNED, OVERLOADED
from workers.fanout.hls_answers import Hls
from workers.fanout.holds import Unanswerable
from workers.fanout.library import Library
from workers.fanout.request_lines import refuse_play, tell_request
from workers.fanout.shelf import Shelf
from workers.fanout.ticket import PUBLIC, Ticket
from workers.runtime.logs import Ordinary

HLS_ROUTES: dict[str, str] = {
    "multivariant": "/{stream}.m3u8",
    "media": "/{stream}/media.m3u8",
    "file": "/{stream}/{file}",
}
PAGE_ROUTES: dict[str, str] = {"page": "/play/{stream}", "index": "/", "asset": "/{asset}"}
ROUTES: dict[str, str] = HLS_ROUTES | PAGE_ROUTES
"""What requests are called in the counters."""

UNKNOWN_ROUTE: str = "/{unknown}"

FIRST_SEGMENT_S: float = 5.0
"""How long the first who asks waits for a first segment beyond the longest there may be, seconds."""

Work: TypeAlias = Callable[[], Awaitable[int]]
"""Gives an answer, and its status."""

CLIENT_GONE: int = 499
"""What an answer counts as that its player did not wait for; nginx's number for it."""

LATER: frozenset[int] = frozenset({429, 503})
"""What says that the same may be asked again in a moment."""

BAD_REQUEST: int = 400
"""Refusals have this status or a higher one."""


def route_of(request: Request) -> Route | None:
    """What the path means; None for nothing, which `Answers` says."""
    try:
        return parse_route(request.path, request.query, is_websocket=request.is_websocket)
    except RemoteProtocolError:
        return None


def is_endless(request: Request, route: Route | None) -> bool:
    """Whether this is for a stream without end, which is not answered here."""
    return route is not None and (request.is_websocket or route.kind not in ROUTES)


class Answers:
    """Answers requests, whatever version of HTTP they came over.

    Args:
        audience: for the streams, the counters and the configuration.
        hls: where packages are found, and what answers for them; None where HLS is off.
    """

    def __init__(self, audience: Audience, hls: Hls | None) -> None:
        self._audience = audience
        self._hls = hls

    async def answer(self, exchange: Exchange, route: Route | None) -> None:
        """Answer by the route, and count it."""
        await self.conclude(exchange, route, functools.partial(self._serve, exchange, route))

    async def conclude(self, exchange: Exchange, route: Route | None, work: Work) -> None:
        """Do what gives the status of an answer, refuse where it says so, and count it."""
        status = CLIENT_GONE
        self._audience.report.in_flight += 1
        try:
            status = await work()
        except (Unanswerable, RemoteProtocolError) as error:
            status = error.status if isinstance(error, Unanswerable) else error.reply
            if isinstance(error, Unanswerable) and error.refusal:
                self._refuse_play(exchange, route, error.refusal)
            await self._refuse(exchange, error, status)
        finally:
            self._audience.report.in_flight -= 1
            self.count(exchange, route, status)

    def count(self, exchange: Exchange, route: Route | None, status: int) -> None:
        """Count an answer, and how long it took."""
        report, kind = self._audience.report, route.kind if route else ""
        method, name = exchange.request.method, ROUTES.get(kind, UNKNOWN_ROUTE)
        report.request(method, name, status)
        report.request_took(method, name, time.monotonic() - exchange.began_s)
        if route is not None and kind in HLS_ROUTES:
            report.hls_request(resource_of(route), status)
            if method == "GET" and (status < BAD_REQUEST or status == CLIENT_GONE):
                self._audience.hls_players.book(exchange)
        if status >= BAD_REQUEST or Ordinary.logged:  # not by `is_told`: even a call is dear here
            self._tell(exchange, name, status)

    def _tell(self, exchange: Exchange, route_name: str, status: int) -> None:
        tell_request(
            self._audience.worker.log,
            conn=exchange.conn,
            remote=exchange.remote,
            request_id=exchange.request_id,
            method=exchange.request.method,
            route=route_name,
            status=status,
            seconds=time.monotonic() - exchange.began_s,
        )

    def _refuse_play(self, exchange: Exchange, route: Route | None, reason: str) -> None:
        """A player of HLS was not let in; a page that says no is none."""
        if route is None or route.kind not in HLS_ROUTES:
            return
        refuse_play(
            self._audience,
            protocol="hls",
            reason=reason,
            conn=exchange.conn,
            remote=exchange.remote,
            stream=name_in(route),
            request_id=exchange.request_id,
        )

    def count_gone(self, exchange: Exchange, route: Route) -> None:
        """Count an answer that its player did not wait for."""
        self.count(exchange, route, CLIENT_GONE)

    async def _serve(self, exchange: Exchange, route: Route | None) -> int:
        """Answer by the route; the status."""
        request = exchange.request
        if self._audience.guard.is_banned(exchange.host):
            raise Unanswerable(403, "this address is banned", refusal=BANNED)
        if request.method == "OPTIONS":
            await exchange.send(preflight_head(self._origin, exchange.request_id))
            return 204
        route = route or parse_route(request.path, request.query)
        if route.kind in PAGE_ROUTES:
            return await self._serve_page(exchange, route)
        if self._hls is None or route.kind not in HLS_ROUTES:
            raise Unanswerable(404, "not here")
        return await self._serve_hls(self._hls, exchange, route)

    async def _serve_page(self, exchange: Exchange, route: Route) -> int:
        extra: Fields = ()
        if route.kind == "index":
            names = sorted(filter(self._may_see(exchange), self._audience.hub.names()))
            body = pages.index_page(names)
            page, extra = pages.Asset(pages.HTML_TYPE, body, etag_of(body)), pages.INDEX_FIELDS
        elif route.kind == "page":
            self._name(route)
            page, extra = pages.player_page(), pages.PLAYER_FIELDS
        else:
            page = pages.asset(route.file)
        return await send_document(exchange, page, extra)

    def _may_see(self, exchange: Exchange) -> Callable[[str], bool]:
        """Whether the one who asks may play a stream of that name, as far as can be said at once."""
        request, gate = exchange.request, self._audience.gate
        was_key_banned = self._audience.guard.was_key_banned
        shown = shown_in_request(request.query, request.headers.get("authorization"))

        def may_see(name: str) -> bool:
            verdict = gate.judge_now("play", name, exchange.host, shown)
            return unless_banned(verdict, was_key_banned).allowed

        return may_see

    async def _serve_hls(self, hls: Hls, exchange: Exchange, route: Route) -> int:
        answers, name = hls.answers, self._name(route)
        ticket = await self._let_in(hls.library, exchange, name)
        if self._audience.visits.follows("play", name):
            await self._expect(hls.library, route, exchange)
            query = urlencode(exchange.request.query)
            await self._audience.hls_visits.check(name, exchange, query, ticket.key_id)
        if route.kind == "multivariant":
            shelves = await self._find_renditions(hls.library, route, exchange)
            self._check_bans(exchange, ticket)
            self._open_account(name, exchange, shelves, ticket)
            return await answers.send_multivariant(exchange, shelves, ticket)
        shelf = await self._find(hls.library, route, exchange)
        self._check_bans(exchange, ticket)
        self._open_account(name, exchange, [shelf], ticket)
        if route.kind == "media":
            return await answers.send_media(exchange, shelf, ticket)
        return await answers.send_named(exchange, shelf, route.file, ticket)

    def _check_bans(self, exchange: Exchange, ticket: Ticket) -> None:
        """A ban may have come while a service decided, or while a segment was waited for. Raises
        Unanswerable.
        """
        guard = self._audience.guard
        if guard.is_banned(exchange.host):
            raise Unanswerable(403, "this address is banned", refusal=BANNED)
        if guard.is_key_banned(ticket.key_id):
            raise Unanswerable(403, SENTENCES[BANNED], refusal=BANNED)

    async def _expect(self, library: Library, route: Route, exchange: Exchange) -> None:
        """Return when what is asked for is there, if it comes in the time that players wait. Raises
        Unanswerable.

        For whoever asks before any service hears of it: names of streams that do not exist cost nothing to
        invent, and each would be a question. Nothing is begun for the player yet, nor is it counted.
        """
        hub, name = self._audience.hub, self._name(route)
        streams = library.renditions(name) if route.kind == "multivariant" else (name,)
        if any(map(library.find, streams)):
            return
        if route.kind != "file":
            self._check_overload(library.programme_of(name), exchange)
            with waiting(exchange):
                if await hub.wait_for_any(streams, hub.settings_for(name).wait_s) is not None:
                    return
        raise no_stream(route, name)

    def _open_account(self, name: str, exchange: Exchange, shelves: Sequence[Shelf], ticket: Ticket) -> None:
        is_over = all(shelf.window.ended for shelf in shelves)
        record = None if is_over else self._audience.hub.find(name)
        self._audience.hls_players.open_account(name, record, exchange, ticket.key_id)

    async def _let_in(self, library: Library, exchange: Exchange, name: str) -> Ticket:
        """Whether the player may have this. Raises Unanswerable.

        Who may watch a programme may watch its renditions: what it shows was made for the programme's name.
        """
        gate = self._audience.gate
        rule = gate.rule("play", name)
        if rule.is_open:
            return PUBLIC
        query, authorization = exchange.request.query, exchange.request.headers.get("authorization")
        shown = shown_in_request(query, authorization)
        verdict = await judge(self._audience, "play", name, exchange.host, shown)
        programme = library.programme_of(name)
        if not verdict.allowed and programme != name:
            of_programme = await judge(self._audience, "play", programme, exchange.host, shown)
            if of_programme.allowed:
                rule, verdict = gate.rule("play", programme), of_programme
        if not verdict.allowed:
            status, fields = refusal_of(verdict, shown, authorization)
            raise Unanswerable(status, verdict.sentence, fields, refusal=verdict.reason)
        carry = "" if rule.may_be_cached else query_to_carry(query)
        return Ticket(rule.may_be_cached, carry, verdict.key_id)

    def _name(self, route: Route) -> str:
        try:
            return parse_played_name(route.raw_name)
        except BadName as error:
            raise Unanswerable(400, str(error), refusal="bad_name") from None

    async def _find(self, library: Library, route: Route, exchange: Exchange) -> Shelf:
        name = self._name(route)
        shelf = library.find(name)
        if route.kind != "file":
            shelf = await self._ask_for(library, name, shelf, exchange)
        if shelf is None:
            raise no_stream(route, name)
        return shelf

    async def _find_renditions(self, library: Library, route: Route, exchange: Exchange) -> list[Shelf]:
        """The shelves of the programme's renditions, or of the stream that is one by itself."""
        programme = self._name(route)
        self._check_overload(programme, exchange)
        streams = library.renditions(programme)
        if streams == (programme,):
            shelf = await self._find(library, route, exchange)
            streams = library.renditions(programme)  # the tracks of a publisher who has just begun are later
            if streams == (programme,):
                return [shelf]
        hub = self._audience.hub
        settings = hub.settings_for(programme)
        if not any(map(library.find, streams)):
            with waiting(exchange):
                await hub.wait_for_any(streams, settings.wait_s)
        if not any(hub.find(name) or library.find(name) for name in streams):
            raise Unanswerable(404, f"no rendition of {programme} is published", refusal="not_found")
        longest_s = max(settings.wait_s, settings.hls_max_segment_s + FIRST_SEGMENT_S)
        with waiting(exchange):
            shelves = await library.gather(streams, longest_s)
        if not shelves:
            raise Unanswerable(503, "there is no segment yet")
        return shelves

    async def _ask_for(
        self, library: Library, name: str, shelf: Shelf | None, exchange: Exchange
    ) -> Shelf | None:
        """The shelf for a playlist: the stream is packaged for it, if it lives."""
        hub = self._audience.hub
        self._check_overload(library.programme_of(name), exchange)
        if shelf is not None:
            record = hub.find(name)
        else:
            with waiting(exchange):
                record = await hub.wait_for(name, hub.settings_for(name).wait_s)
        if record is not None:
            library.ask_for(record)
            self._audience.hls_players.note(record, exchange)
        if shelf is not None and shelf.window.ready:
            return shelf
        if record is None:
            return None
        settings = hub.settings_for(name)
        longest_s = max(settings.wait_s, settings.hls_max_segment_s + FIRST_SEGMENT_S)
        with waiting(exchange):
            shelf = await library.wait_for(name, longest_s)
        if shelf is None:
            raise Unanswerable(503, "there is no segment yet")
        return shelf

    def _check_overload(self, programme: str, exchange: Exchange) -> None:
        """Who watches goes on; others are told to come back. Raises Unanswerable."""
        if self._audience.guard.takes_players or self._audience.hls_players.knows(programme, exchange):
            return
        raise Unanswerable(503, "this server is overloaded, try again later", refusal=OVERLOADED)

    @property
    def _origin(self) -> str:
        return self._audience.worker.config.http.cors_origin

    async def _refuse(self, exchange: Exchange, error: Exception, status: int) -> None:
        extra: Fields = (("Retry-After", "1"),) if status in LATER else ()
        if isinstance(error, RemoteProtocolError | Unanswerable):
            extra += tuple(error.fields)
        answer = plain_answer(
            status, f"{error}\n", request_id=exchange.request_id, origin=self._origin, extra=extra
        )
        await exchange.send(*answer)


def no_stream(route: Route, name: str) -> Unanswerable:
    """What is said where there is none. Who asks for a segment of it was let in before, or asks for anything:
    only a playlist is asked for by who wants to play."""
    refusal = "not_found" if route.kind != "file" else ""
    return Unanswerable(404, f"no stream is published as {name}", refusal=refusal)


def resource_of(route: Route) -> str:
    """What an HLS request is for, as the counters call it."""
    if route.kind != "file":
        return "playlist" if route.kind == "media" else route.kind
    if route.file.endswith(".mp4"):
        return "init"
    return "part" if route.file.count(".") == 2 else "segment"
