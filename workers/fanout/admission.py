"""Requests for a stream without end: whether they get it, and what they are told if not, whatever version of
HTTP they came over.
"""

from urllib.parse import urlencode

from engine.access.names import BadName, parse_played_name
from engine.access.shown import shown_in_request
from engine.protocols.http import (
    Answer,
    Fields,
    RemoteProtocolError,
    Request,
    Route,
    error_answer,
    parse_route,
    plain_answer,
    preflight_head,
)
from workers.fanout.audience import Audience, Full
from workers.fanout.doorman import ask_at_the_gate, refusal_of
from workers.fanout.feed import Feed
from workers.fanout.guard import BANNED
from workers.fanout.hub import StreamGone
from workers.fanout.visits import UNDECIDED, Denied, Visit, Who
from workers.runtime.remotes import ip_of

STREAM_ROUTE: str = "/{stream}.flv"
"""What these requests are called in the counters."""


RETRY: Fields = (("Retry-After", "10"),)
"""What a full worker says, and one that has too many from an address, seconds: it comes down from overload
after ten at the earliest."""


class Refused(Exception):
    """This request gets an answer, not a stream. `reason` is the label in the counters."""

    def __init__(self, answer: Answer, reason: str) -> None:
        super().__init__(reason)
        self.answer = answer
        self.reason = reason

    @property
    def status(self) -> int:
        return self.answer.head.status


def name_in(route: Route) -> str:
    """The stream that is asked for; empty where that is no name."""
    try:
        return parse_played_name(route.raw_name)
    except BadName:
        return ""


class Admission:
    """Looks at one request.

    Args:
        audience: for the streams and the configuration.
        request_id: goes into the answer.
    """

    def __init__(self, audience: Audience, request_id: str) -> None:
        self._audience = audience
        self._request_id = request_id

    @property
    def origin(self) -> str:
        """The page that may read the answer."""
        return self._audience.worker.config.http.cors_origin

    def route(self, request: Request) -> Route:
        """What the path means. Raises Refused, with the answer to a preflight too."""
        if request.method == "OPTIONS":
            raise Refused(Answer(preflight_head(self.origin, self._request_id)), "preflight")
        try:
            return parse_route(request.path, request.query, is_websocket=request.is_websocket)
        except RemoteProtocolError as error:
            raise self.refused(error, "not_found" if error.reply == 404 else "bad_request") from None

    def name(self, route: Route) -> str:
        """The stream's name. Raises Refused."""
        try:
            return parse_played_name(route.raw_name)
        except BadName as error:
            raise self.plain(400, f"{error}\n", "bad_name") from None

    def who(
        self, client_id: str, connection_id: str, remote: str, protocol: str, request: Request, key_id: str
    ) -> Who:
        """The client as a service is told of it, and the key that let it in, which is ours to know."""
        query, agent = urlencode(request.query), request.user_agent
        return Who(client_id, connection_id, remote, protocol, query, agent, self._request_id, key_id)

    async def admit(self, name: str, who: Who) -> tuple[Visit, Feed]:
        """Ask who is to be asked, then find the stream. Raises Refused."""
        try:
            visit = await self._audience.visits.begin("play", name, who)
        except Denied as denied:
            if denied.reason == UNDECIDED:
                raise self.plain(429, f"{denied}\n", denied.reason, RETRY) from None  # its address's doing
            raise self.plain(403, f"{denied}\n", denied.reason) from None
        with visit.until_in():
            return visit, await self.find(visit.name, ip_of(who.remote), visit.key_id)

    async def check(self, name: str, request: Request, host: str, conn: str) -> str:
        """Whether the client at `host` may play the stream; the id of the key that lets it in. Raises
        Refused.
        """
        authorization = request.headers.get("authorization")
        shown = shown_in_request(request.query, authorization)
        verdict = await ask_at_the_gate(self._audience, "play", name, host, shown, conn)
        if not verdict.allowed:
            status, fields = refusal_of(verdict, shown, authorization)
            raise self.plain(status, f"{verdict.sentence}\n", verdict.reason, fields)
        return verdict.key_id

    async def find(self, name: str, host: str, key_id: str) -> Feed:
        """The stream, or a rendition of the programme, when there is one and room for one player more from
        `host`: admit it before anything is awaited. Raises Refused.
        """
        hub = self._audience.hub
        if self._audience.worker.tracer is not None:
            self._audience.worker.tracer.step("join")
        record = await hub.wait_to_play(name, hub.settings_for(name).wait_s)
        if record is None:
            raise self.plain(404, f"no stream is published as {name}\n", "not_found")
        try:
            return await self._audience.feed_for(record, host, key_id)
        except Full as full:
            if full.reason == BANNED:
                raise self.plain(403, f"{full}\n", BANNED) from None
            raise self.plain(503, f"{full}\n", full.reason, RETRY) from None
        except StreamGone:
            raise self.plain(404, f"{name} is over\n", "not_found") from None

    def refused(self, error: RemoteProtocolError, reason: str) -> Refused:
        """What a request is told that must not be taken."""
        return Refused(error_answer(error, request_id=self._request_id, origin=self.origin), reason)

    def plain(self, status: int, text: str, reason: str, extra: Fields = ()) -> Refused:
        """What a request is told in so many words."""
        answer = plain_answer(status, text, request_id=self._request_id, origin=self.origin, extra=extra)
        return Refused(answer, reason)
