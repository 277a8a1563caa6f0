"""What the API answers: the shapes that stand in the OpenAPI document, and nothing that computes.

Times of day are RFC 3339 in UTC. Units stand in the names. A field that is not known is null, never a guess.
"""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from engine.access.bans import BanKind

StreamState = Literal["live", "grace", "ended"]
"""`grace`: the publisher has vanished and may come back; `ended`: it will not, and players are finishing."""

WorkerState = Literal["empty", "starting", "ready", "draining", "gone"]

BreakerState = Literal["closed", "half_open", "open"]


class Answer(Struct, frozen=True, kw_only=True):
    """Root of all answers."""


class Video(Answer, frozen=True, kw_only=True):
    """A stream's video track. `codec` is a FourCC: avc1, hvc1, av01, vp09."""

    codec: str
    width: int | None
    height: int | None
    fps: float
    keyframe_interval_s: float | None


class Audio(Answer, frozen=True, kw_only=True):
    """A stream's audio track. `codec` is a FourCC: mp4a, Opus, fLaC, ac-3."""

    codec: str


class Players(Answer, frozen=True, kw_only=True):
    """How many watch, over all workers."""

    http_flv: int
    ws_flv: int
    rtmp: int
    srt: int
    ws_mp4: int
    hls: int
    """Addresses and user agents that asked for a playlist lately."""
    total: int


class Link(Answer, frozen=True, kw_only=True):
    """What an SRT publisher's connection says of its network; names are libsrt's where it means the same.

    Packets count from the beginning of the connection. `pktRcvLossTotal` were missing at first;
    `pktRcvRecovered` of these came in time when they were sent again, `pktRcvDropTotal` were given up.
    `msRcvBuf` is held back now, of `msRcvTsbPdDelay` as negotiated. `encryption` is "none" or like
    "AES-256-CTR". `msRTTVar`, a name of our own, is the jitter of the round trip.
    """

    msRTT: float
    msRTTVar: float
    mbpsRecvRate: float
    mbpsBandwidth: float
    pktRecvTotal: int
    pktRcvLossTotal: int
    pktRcvRecovered: int
    pktRcvDropTotal: int
    pktRcvRetransTotal: int
    pktRcvDuplicate: int
    pktRcvReordered: int
    msRcvBuf: int
    msRcvTsbPdDelay: int
    pktFlowWindow: int
    pktCongestionWindow: int
    pktFlightSize: int
    encryption: str
    peerVersion: str


class Client(Answer, frozen=True, kw_only=True):
    """One connection: a player or a publisher. Its id begins with the name of the worker that holds it.

    A player of HLS is no connection: it is here where webhooks are told of players, in the state "asking",
    with the address that it comes from, and nothing of it is counted.

    `key` is what the key that let it in is called, as bans and limits take it: the name of a static key, the
    key id of a signed link, the subject of a token (or what stands for a strange one); empty where nothing
    was needed. `link` is there for SRT: a publisher's has what a stream's has, a player's its counterparts.
    """

    id: str
    worker: str
    role: str
    protocol: str
    stream: str
    state: str
    remote: str
    user_agent: str
    key: str
    started_at: datetime
    bytes: int
    tags: int
    dropped_tags: int
    jumps: int
    lag_ms: int
    link: dict[str, float | int | str] | None


class Stream(Answer, frozen=True, kw_only=True):
    """One stream. `publisher` is the publisher's client id; `bytes_out` counts all players since it began.

    `link` is there while the publisher comes over SRT. `over_limits` are the limits that the publisher does
    not keep; of one that was sent away for it, what it was.
    """

    name: str
    state: StreamState
    publisher: str | None
    ingest: str
    video: Video | None
    audio: Audio | None
    bitrate_bps: int
    players: Players
    bytes_in: int
    bytes_out: int
    tags_in: int
    keyframes: int
    repairs: int
    jumps: int
    lag_ms_max: int
    reconnects: int
    takeovers: int
    started_at: datetime
    state_for_s: float
    last_tag_age_s: float | None
    epoch: int
    over_limits: list[str]
    link: Link | None


class StreamList(Answer, frozen=True, kw_only=True):
    """All streams, by name."""

    streams: list[Stream]


class Rendition(Answer, frozen=True, kw_only=True):
    """One of the streams that a programme is made of; `state` is null while it is not published."""

    stream: str
    state: StreamState | None
    video: Video | None
    audio: Audio | None
    bitrate_bps: int


class Programme(Answer, frozen=True, kw_only=True):
    """Streams that players choose from, in the order in which they are told of them.

    `origin`: whether it stands in `[hls.programmes]`, or is what one publisher sends in several video tracks.
    """

    name: str
    origin: Literal["configuration", "tracks"]
    renditions: list[Rendition]


class ProgrammeList(Answer, frozen=True, kw_only=True):
    """All programmes, by name: those configured, whether they are live or not, and those of tracks."""

    programmes: list[Programme]


class StreamDetail(Answer, frozen=True, kw_only=True):
    """One stream, and its publisher's connection; null in the grace time, or if its ingest did not answer."""

    stream: Stream
    publisher: Client | None
    missing: list[str]


class ClientList(Answer, frozen=True, kw_only=True):
    """One page of clients, by id. `next` is the `after` of the next page, null on the last.

    `missing` names workers that did not answer in time: their clients are not on the page.
    """

    clients: list[Client]
    next: str | None
    missing: list[str]


class NewBan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is to be kept out: an address or network from the media ports, a stream's name from being
    published, or a key, by what clients show as theirs, from publishing and playing. Without `seconds` for as
    long as the engine runs.
    """

    kind: BanKind
    value: Annotated[str, Meta(min_length=1, max_length=320)]
    seconds: Annotated[float, Meta(gt=0, le=315_360_000)] | None = None
    reason: Annotated[str, Meta(max_length=200)] = ""


class Ban(Answer, frozen=True, kw_only=True):
    """One ban. `value` is in its one form; `until` is null for one without an end."""

    id: str
    kind: BanKind
    value: str
    reason: str
    since: datetime
    until: datetime | None


class BanList(Answer, frozen=True, kw_only=True):
    """All bans that hold, the oldest first."""

    bans: list[Ban]


class Worker(Answer, frozen=True, kw_only=True):
    """One worker process, as the board shows it. `generation` counts the processes its slot has had;
    `overload` is how far up the overload ladder it stands, 0 for calm.
    """

    name: str
    role: str
    state: WorkerState
    pid: int | None
    generation: int
    heartbeat_age_s: float | None
    ready_for_s: float | None
    loop_lag_ms: float
    rss_bytes: int
    overload: int


class WorkerList(Answer, frozen=True, kw_only=True):
    """All workers, by slot."""

    workers: list[Worker]


class Breaker(Answer, frozen=True, kw_only=True):
    """One worker's circuit breaker round one service outside. `failures` in a row open it.

    `retry_in_s` is there while it is open: from then on it is half-open, and the first call is a trial.
    `state_for_s` is null for one that never opened. `trips` and `rejections` (calls that were refused while
    it was open) count over all processes that the worker's slot has had.
    """

    dependency: str
    worker: str
    state: BreakerState
    failures: int
    retry_in_s: float | None
    state_for_s: float | None
    trips: int
    rejections: int


class BreakerList(Answer, frozen=True, kw_only=True):
    """All circuit breakers, by service. A worker that has not called a service yet has none for it."""

    breakers: list[Breaker]


class HookService(Answer, frozen=True, kw_only=True):
    """One address that events go to, without its query. `queued` events wait for it.

    `answered_at` is when it last gave an answer to this process of control; null if it never did.
    """

    url: str
    queued: int
    answered_at: datetime | None


class HookFailure(Answer, frozen=True, kw_only=True):
    """One call that had no answer, or an event that was refused."""

    at: datetime
    action: str
    event_id: str
    stream: str
    url: str
    reason: str
    text: str


class Hooks(Answer, frozen=True, kw_only=True):
    """The sender of webhooks. `queued` counts an event once for each address it goes to.

    `sessions` are publishers, players and streams whose end will be told. The counts are those of control's
    present process; those in the metrics go on. `dropped` went because the spool was full, `removed` because
    their address is not configured any more.
    """

    queued: int
    oldest_s: float
    spool_bytes: int
    spool_limit_bytes: int
    sessions: int
    delivered: int
    refused: int
    dropped: int
    removed: int
    failed: int
    services: list[HookService]
    failures: list[HookFailure]


class Version(Answer, frozen=True, kw_only=True):
    """Which engine this is."""

    name: str
    version: str
    api: str
    python: str
    platform: str


class Health(Answer, frozen=True, kw_only=True):
    """Answer of /healthz: this process lives."""

    alive: bool


class Readiness(Answer, frozen=True, kw_only=True):
    """Answer of /readyz: `waiting_for` names the roles without a worker that is ready and beating."""

    ready: bool
    waiting_for: list[str]
    workers: dict[str, WorkerState]


class Refusal(Answer, frozen=True, kw_only=True):
    """Every error: a word for programs and a sentence for people."""

    error: str
    detail: str
