"""What processes say to each other on the bus: one frozen Struct per message.

The tag in the packed form is the class name. A field may be added at the end with a default; nothing is ever
renamed or re-used, so that a worker of the next version can talk to one of this version during an upgrade.
"""

import msgspec


class Message(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Root of all bus messages."""


class Ready(Message, frozen=True):
    """worker -> supervisor: the role serves from now on."""


class Reload(Message, frozen=True):
    """supervisor -> worker: the configuration in force from now on, as JSON of the whole tree."""

    config_json: bytes


class Drain(Message, frozen=True):
    """supervisor -> worker: take nothing new, finish what is there, leave within `seconds`."""

    seconds: float


class Lend(Message, frozen=True):
    """supervisor -> fanout: also accept on the listeners of fanout `fanout_index`, which is down."""

    fanout_index: int


class TakeBack(Message, frozen=True):
    """supervisor -> fanout: the owner is back; stop accepting on its listeners."""

    fanout_index: int


class HandOver(Message, frozen=True):
    """fanout -> ingest, with one descriptor: a connection that said `publish`.

    `state` is the frozen protocol machine, with bytes that were read and not parsed yet inside it.
    `protocol` says what machine that is. `accepted_wall_ns` is time.time_ns() when the connection was
    accepted, for its story in the log.
    """

    conn_id: str
    remote: str
    accepted_wall_ns: int
    state: bytes
    protocol: str = "rtmp"


class ListClients(Message, frozen=True):
    """control -> worker: clients with an id greater than `after`, sorted by id, at most `limit` of them."""

    stream: str | None
    after: str
    limit: int


class ClientInfo(msgspec.Struct, frozen=True):
    """One player or publisher as the API shows it.

    `started_ns` is wall clock, `lag_ms` how far behind the live edge it is; `role` is "player" or
    "publisher". `link` is what an SRT connection measures of its network, by the names that libsrt's
    statistics have where they mean the same; None for other protocols.
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


AnyMessage = (
    Ready | Reload | Drain | Lend | TakeBack | HandOver | ListClients | ClientsPage | Kick | KickResult
)
