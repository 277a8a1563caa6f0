"""Clients as webhooks know them: who is asked before one gets in, and the end that each beginning has.

A visit begins before the stream is looked for, so that a service may give it another name, or start what is
asked for (but for players of HLS, who pay no connection for each name that they ask for: answers.py); and it
ends exactly once, whatever becomes of the client. Where no service follows the path, a visit is nothing at
all.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Literal, NamedTuple, get_args

import trio
from structlog.typing import FilteringBoundLogger

from engine.config import PathSettings
from engine.hooks.limits import MAX_PARAM_CHARACTERS, MAX_USER_AGENT_CHARACTERS
from engine.hooks.masking import masked
from engine.hooks.notices import Ended
from engine.hooks.reply import Verdict
from engine.hooks.sessions import Session
from engine.hooks.settings import STARTS, is_followed, urls_for
from engine.policy.addresses import AddressBook, AddressLimits
from workers.runtime.hook_line import UNANSWERED, HookLine
from workers.runtime.messages import HandedVisit
from workers.runtime.remotes import ip_of

VisitKind = Literal["publish", "play"]
KINDS: Final[tuple[VisitKind, ...]] = get_args(VisitKind)

DENIED: Final = "hook_denied"
REFUSED: Final = "refused"
UNDECIDED: Final = "address_undecided"
SORRY: Final = "this stream is not for you"
TRY_AGAIN: Final = "the server cannot decide about this now"
TOO_MANY: Final = "too many at this address have to be asked about, try again later"


class Who(NamedTuple):
    """A client: `client_id` as the API will show it, `connection_id` as the log does; `key_id` of what let it
    in.
    """

    client_id: str
    connection_id: str
    remote: str
    protocol: str
    query: str = ""
    user_agent: str = ""
    request_id: str = ""
    key_id: str = ""


class Denied(Exception):
    """This client does not get in. `reason` is the label in the counters, the text what the client is
    told."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class Visit:
    """One client's stay.

    Args:
        name: the stream it gets.
        session_id: empty where nobody follows.
        verdict: what was said of it.
        line: where its end is told.
        key_id: of the key, link or token that let it in; empty where nothing was needed.
    """

    __slots__ = ("_line", "began_s", "ends_at_s", "key_id", "name", "session_id", "verdict")

    def __init__(
        self,
        name: str,
        session_id: str = "",
        verdict: Verdict | None = None,
        line: HookLine | None = None,
        *,
        key_id: str = "",
    ) -> None:
        self.name = name
        self.key_id = key_id
        self.session_id = session_id
        self.verdict = verdict or Verdict(allowed=True)
        self.began_s = trio.current_time()
        self.ends_at_s = self.began_s + self.verdict.lifetime_s if self.verdict.lifetime_s else None
        self._line = line

    def is_over(self, now_s: float) -> bool:
        """Whether it has been as long as it may."""
        return self.ends_at_s is not None and now_s > self.ends_at_s

    def end(self, reason: str, seconds: float = 0.0, sent_bytes: int = 0) -> None:
        """Tell that it is over; the first time counts."""
        line, self._line = self._line, None
        if line is not None:
            line.tell(Ended(self.session_id, reason, seconds, sent_bytes))

    @contextmanager
    def until_in(self) -> Iterator[None]:
        """What fails in here was in the client's way, and ends the visit."""
        try:
            yield
        except BaseException as error:
            self.end(str(getattr(error, "reason", REFUSED)))
            raise

    def handed(self) -> HandedVisit | None:
        """What goes with a publisher to ingest."""
        if not self.session_id:
            return None
        verdict = self.verdict
        return HandedVisit(self.session_id, self.name, verdict.lifetime_s, verdict.limits.max_bitrate_bps)

    def pass_on(self) -> None:
        """Another worker tells the end."""
        self._line = None


class Visits:
    """All visits of a fanout worker begin here.

    Args:
        line: to the sender of webhooks; None where there is none.
        settings_for: a stream's settings by its name.
        log: the worker's.
        undecided: how many of one address may be asked about at a time; without it, any number.
    """

    def __init__(
        self,
        line: HookLine | None,
        settings_for: Callable[[str], PathSettings],
        log: FilteringBoundLogger,
        undecided: Mapping[VisitKind, AddressBook] | None = None,
    ) -> None:
        self._line = line
        self._settings_for = settings_for
        self._log = log
        self._undecided = undecided or {kind: AddressBook(AddressLimits()) for kind in KINDS}

    def follows(self, kind: VisitKind, name: str) -> bool:
        """Whether anybody is asked or told about such visits of the stream."""
        return self._line is not None and is_followed(self._settings_for(name).hooks, kind)

    def asks(self, kind: VisitKind, name: str) -> bool:
        """Whether somebody decides about such visits of the stream."""
        return self._line is not None and bool(urls_for(self._settings_for(name).hooks, STARTS[kind]))

    async def begin(self, kind: VisitKind, name: str, who: Who, patience_s: float = 60.0) -> Visit:
        """Ask who is to be asked. Raises Denied.

        `patience_s`: how long this client waits at most before it gives up by itself.
        """
        hooks = self._settings_for(name).hooks
        if self._line is None or not is_followed(hooks, kind):
            return Visit(name, key_id=who.key_id)
        session = self._session(kind, name, who, whole_params=hooks.params == "whole")
        visit = Visit(name, session.id, None, self._line)
        with self._one_undecided(kind, who), visit.until_in():  # it may be gone before the answer comes
            verdict = await self._line.begin(session, hooks, patience_s)
            if not verdict.allowed:
                raise self._denied(verdict, who, name)
        return Visit(verdict.stream or name, session.id, verdict, self._line, key_id=who.key_id)

    @contextmanager
    def _one_undecided(self, kind: VisitKind, who: Who) -> Iterator[None]:
        """A client is asked about in here. Raises Denied, of which no service hears."""
        book = self._undecided[kind]
        place = book.enter(ip_of(who.remote), trio.current_time())
        if place.news:
            self._log.warning("address_refused", remote=who.remote, reason=UNDECIDED)
        if place.refused:
            raise Denied(UNDECIDED, TOO_MANY)
        try:
            yield
        finally:
            book.leave(place)

    def _session(self, kind: VisitKind, name: str, who: Who, *, whole_params: bool) -> Session:
        assert self._line is not None
        query = who.query[:MAX_PARAM_CHARACTERS]
        return Session(
            id=f"{who.connection_id.rpartition('-')[2]}.{secrets.token_hex(6)}",
            kind=kind,
            stream=name,
            holder=self._line.holder,
            began_ms=time.time_ns() // 1_000_000,
            client_id=who.client_id,
            connection_id=who.connection_id,
            request_id=who.request_id,
            ip=ip_of(who.remote),
            protocol=who.protocol,
            param=query if whole_params else masked(query),
            user_agent=who.user_agent[:MAX_USER_AGENT_CHARACTERS],
        )

    def _denied(self, verdict: Verdict, who: Who, name: str) -> Denied:
        denied = (
            Denied(DENIED, verdict.reason or SORRY) if verdict.answered else Denied(UNANSWERED, TRY_AGAIN)
        )
        self._log.info(
            "hook_said_no", conn=who.connection_id, stream=name, remote=who.remote, reason=denied.reason
        )
        return denied
