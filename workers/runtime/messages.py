"""What processes say to each other on the bus: one frozen Struct per message.

The tag in the packed form is the class name. A field may be added at the end with a default; nothing is ever
renamed or re-used, so that a worker of the next version can talk to one of this version during an upgrade.
"""

import msgspec

from engine.hooks.notices import AnyNotice
from engine.hooks.reply import Verdict
from engine.hooks.sessions import Session


class Message(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Root of all bus messages."""


class Ready(Message, frozen=True):
    """worker -> supervisor: the role serves from now on."""


class Reload(Message, frozen=True):
    """supervisor -> worker: the configuration in force from now on, as JSON of the whole tree.

    Where no packet holds it that is empty, and a descriptor brings it (sealed_config.py).
    """

    config_json: bytes = b""


class Drain(Message, frozen=True):
    """supervisor -> worker: take nothing new, finish what is there, leave within `seconds`."""

    seconds: float


class Lend(Message, frozen=True):
    """supervisor -> fanout: also accept on the listeners of fanout `fanout_index`, which is down."""

    fanout_index: int


class TakeBack(Message, frozen=True):
    """supervisor -> fanout: the owner is back; stop accepting on its listeners."""

    fanout_index: int


class HandedVisit(msgspec.Struct, frozen=True, array_like=True):
    """A publisher's session as webhooks know it: the name it has got, and the limits it lives by; 0 for
    none."""

    session_id: str
    stream: str
    lifetime_s: float
    max_bitrate_bps: int


class HandOver(Message, frozen=True):
    """fanout -> ingest, with one descriptor: a connection that said `publish`.

    `state` is the frozen protocol machine, with bytes that were read and not parsed yet inside it.
    `protocol` says what machine that is. `accepted_wall_ns` is time.time_ns() when the connection was
    accepted, for its story in the log. `visit` is what a service has said of it, if one follows publishers of
    this stream. `key_id` is that of the key, link or token that let it in; empty where nothing was needed.
    """

    conn_id: str
    remote: str
    accepted_wall_ns: int
    state: bytes
    protocol: str = "rtmp"
    visit: "HandedVisit | None" = None
    key_id: str = ""
    traceparent: str = ""
    """The span that it goes on from; empty where no trace is kept."""
    relayed: bool = False
    """The descriptor is one end of a pair: the connection itself, over TLS, stays in fanout and is counted
    there."""


class ListClients(Message, frozen=True):
    """control -> worker: clients with an id greater than `after`, sorted by id, at most `limit` of them."""

    stream: str | None
    after: str
    limit: int


class ClientInfo(msgspec.Struct, frozen=True):
    """One player or publisher as the API shows it.

    `started_ns` is wall clock, `lag_ms` how far behind the live edge it is; `role` is "player" or
    "publisher". `link` is what an SRT connection measures of its network, by the names that libsrt's
    statistics have where they mean the same; None for other protocols. `key` is the id of the key, link or
    token that let it in; empty where nothing was needed.
    """

    id: str
    worker: str
    protocol: str
    role: str
    stream: str
    remote: str
    started_ns: int
    bytes: int
    tags: int
    dropped_tags: int
    jumps: int
    lag_ms: int
    user_agent: str
    state: str
    link: dict[str, float | int | str] | None = None
    key: str = ""


class ClientsPage(Message, frozen=True):
    """Answer to ListClients; `more` says that a further page follows after the last id."""

    clients: list[ClientInfo]
    more: bool


class Kick(Message, frozen=True):
    """control -> worker: end this client; `reason` goes into its log line and counter."""

    client_id: str
    reason: str


class KickResult(Message, frozen=True):
    """Answer to Kick."""

    found: bool


class HookAsk(Message, frozen=True):
    """worker -> control: may this session begin? `HookVerdict` answers, within `timeout_s` or never.

    An order and not a request: the answer takes as long as a stranger's service does, and the bus answers a
    bounded number of requests at a time.
    """

    number: int
    session: Session
    timeout_s: float
    asked_ns: int
    """Monotonic: a sender that was away must not ask a service what nobody waits for any more."""
    traceparent: str = ""
    """As in `HandOver`."""


class HookVerdict(Message, frozen=True):
    """control -> worker: the answer to the `HookAsk` of that number."""

    number: int
    verdict: Verdict


class HookNotices(Message, frozen=True):
    """worker -> control: what has happened, in order. Said again until `HookNoticesTaken` says so."""

    batch: int
    notices: list[AnyNotice]


class HookNoticesTaken(Message, frozen=True):
    """control -> worker: the notices of that batch outlive control's death."""

    batch: int


class Spans(Message, frozen=True):
    """worker -> control: spans that have ended, each as OTLP's JSON."""

    spans: list[bytes]


AnyMessage = (
    Ready
    | Reload
    | Drain
    | Lend
    | TakeBack
    | HandOver
    | ListClients
    | ClientsPage
    | Kick
    | KickResult
    | HookAsk
    | HookVerdict
    | HookNotices
    | HookNoticesTaken
    | Spans
)
