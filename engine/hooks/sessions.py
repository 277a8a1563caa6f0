"""What has begun and not ended, so that each start is told one end, whoever dies in between."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet

from msgspec import Struct
from msgspec.structs import replace

from engine.hooks.limits import MAX_RECENT_ENDS
from engine.hooks.settings import Kind


class Holder(Struct, frozen=True, array_like=True):
    """The process that a session lives and dies with: pid and start time name it for the life of the machine.

    `slot` is the worker's seat; -1 is the engine as a whole, which is what a stream lives and dies with.
    """

    slot: int
    pid: int
    start_ticks: int


class Session(Struct, frozen=True, kw_only=True, array_like=True):
    """One publisher, player or stream.

    `stream` is the name it has in the engine, `asked` what the client asked for where a service has renamed
    it. `param` is masked already where it has to be.
    """

    id: str
    kind: Kind
    stream: str
    holder: Holder
    began_ms: int
    client_id: str = ""
    connection_id: str = ""
    request_id: str = ""
    ip: str = ""
    protocol: str = ""
    param: str = ""
    user_agent: str = ""
    asked: str = ""
    told: bool = False
    """Whether its start has reached the service, or is on its way in the queue."""

    @property
    def path(self) -> str:
        """What its hooks are looked up by, from its start to its end: a new name may have others, or none."""
        return self.asked or self.stream


def nobody(_name: str) -> None:
    """Hears of streams that are on air, and does nothing."""


class Ledger:
    """Sessions by id, and by who holds them: there may be as many as players, and few processes.

    Args:
        sessions: open ones.
        on_air: hears the name of each stream that somebody got in to publish.
    """

    def __init__(self, sessions: Iterable[Session] = (), on_air: Callable[[str], None] = nobody) -> None:
        self.open: dict[str, Session] = {}
        self.streams: Counter[str] = Counter()
        """How many sessions each stream has."""
        self._on_air = on_air
        self._held: dict[Holder, set[str]] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()
        for session in sessions:
            self.put(session)

    def begin(self, session: Session) -> bool:
        """Note a start; False if it is known, or over already: said twice."""
        if session.id in self.open or session.id in self._ended:
            return False
        self.put(session)
        return True

    def change(self, session: Session) -> None:
        """Put `session` in the place of the one with its id, if that has not ended."""
        if session.id in self.open:
            self.put(session)

    def hold(self, session_id: str, holder: Holder) -> Session | None:
        """Another process has the session now; None if there is no such session."""
        session = self.open.get(session_id)
        if session is not None:
            session = replace(session, holder=holder)
            self.put(session)
        return session

    def end(self, session_id: str) -> Session | None:
        """Note an end; None if it was not open: then nobody is to be told."""
        session = self._take(session_id)
        if session is not None:
            self._ended[session_id] = None
            if len(self._ended) > MAX_RECENT_ENDS:
                self._ended.popitem(last=False)
        return session

    def put(self, session: Session) -> None:
        """This is open, whatever was known of it."""
        self._take(session.id)
        self.open[session.id] = session
        self.streams[session.stream] += 1
        self._held.setdefault(session.holder, set()).add(session.id)
        if session.told and session.kind != "play":
            self._on_air(session.stream)

    def forget_others(self, ids: AbstractSet[str]) -> None:
        """Nothing is open but these; ends stay known."""
        for session_id in self.open.keys() - ids:
            self._take(session_id)

    def left_by_the_dead(self, is_alive: Callable[[Holder], bool]) -> list[Session]:
        """Sessions whose process is gone. Each process is asked after once."""
        dead = [holder for holder in self._held if not is_alive(holder)]
        return [self.open[session_id] for holder in dead for session_id in self._held[holder]]

    def _take(self, session_id: str) -> Session | None:
        session = self.open.pop(session_id, None)
        if session is not None:
            self.streams[session.stream] -= 1
            if not self.streams[session.stream]:
                del self.streams[session.stream]
            held = self._held[session.holder]
            held.discard(session_id)
            if not held:
                del self._held[session.holder]
        return session
