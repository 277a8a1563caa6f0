"""The configuration tree: one Struct per section of the file.

Type, default, limits and what a change needs stand at the field; the reason for each default stands in
`configs/fanlight.toml`, the manual, and a house test holds the two equal. Every number has both bounds, so
that neither infinity nor a slip of the keyboard gets in; the upper ones are meant for machines ten times
today's.
"""

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, UnsetType, field

from engine.access.allowed import AllowList
from engine.config.hook_urls import HookUrls
from engine.config.key_limits import KeyLimits
from engine.config.key_table import KeyTable
from engine.config.listen import Listen
from engine.config.media_limits import MediaLimits
from engine.config.networks import Networks
from engine.config.passphrases import Passphrases
from engine.config.ports import StreamPorts
from engine.config.programmes import Programmes
from engine.config.public_keys import PublicKeys
from engine.config.secret import Passphrase, Secret
from engine.config.section import Section
from engine.config.shared_secrets import SharedSecrets
from engine.config.units import GIB, KIB, MIB
from engine.config.word_sets import ProxiedPorts, Ways

NEEDS_RESTART: Final = {"reload": "restart"}
"""Marks keys whose value is built into sockets, processes or shared memory when the engine starts."""

SlowPlayer = Literal["jump", "wait", "disconnect"]
StartMode = Literal["keyframe", "burst", "live"]
SrtMode = Literal["publish", "play"]
HlsVariant = Literal["low_latency", "fmp4", "ts"]
OverLimit = Literal["end", "warn"]
Unanswered = Literal["allow", "deny"]
HookParams = Literal["masked", "whole"]
JwtAlgorithm = Literal["off", "HS256", "RS256", "ES256", "EdDSA"]
LogLevel = Literal["trace", "debug", "info", "warning", "error"]
LogFormat = Literal["auto", "json", "human"]
LogStream = Literal["stdout", "stderr", "off"]
Address = Annotated[Listen, Meta(extra=NEEDS_RESTART)]
FILE_PATTERN: Final = r"^[^\x00-\x1f\x7f]*$"
File = Annotated[str, Meta(max_length=4096, pattern=FILE_PATTERN, extra=NEEDS_RESTART)]
"""The path of a file (at most PATH_MAX); empty for none."""
HotFile = Annotated[str, Meta(max_length=4096, pattern=FILE_PATTERN)]
"""One that may change while the engine runs."""


class Rtmp(Section, frozen=True, kw_only=True):
    """The port that publishers and RTMP players come to."""

    listen: Address = Listen("0.0.0.0", 1935)
    handshake_timeout_s: Annotated[float, Meta(ge=0.1, le=60)] = 5.0
    """From accept to the publish or play command, all in all."""
    max_message_bytes: Annotated[int, Meta(ge=64 * KIB, le=64 * MIB)] = 8 * MIB
    """Largest RTMP message of a connection that may publish; before that it is 64 KiB."""


class Http(Section, frozen=True, kw_only=True):
    """The media port: HTTP-FLV and WebSocket-FLV."""

    listen: Address = Listen("0.0.0.0", 8080)
    head_timeout_s: Annotated[float, Meta(ge=0.1, le=60)] = 5.0
    """From accept to the end of the request head."""
    cors_origin: Annotated[str, Meta(max_length=256, pattern=r"^[!-~]*$")] = "*"
    """Access-Control-Allow-Origin; empty: the header is not sent."""


class Tls(Section, frozen=True, kw_only=True):
    """Where the RTMP and media ports are served over TLS as well."""

    certificate: File = ""
    """PEM, the whole chain; empty, with the key: no TLS. What is in the files may change at any time."""
    key: File = ""
    https: Address = Listen("0.0.0.0", 8443)
    rtmps: Address = Listen("0.0.0.0", 1936)
    handshake_timeout_s: Annotated[float, Meta(ge=0.1, le=60)] = 5.0
    """From accept to the end of the TLS handshake."""

    @property
    def enabled(self) -> bool:
        return bool(self.certificate and self.key)


class Srt(Section, frozen=True, kw_only=True):
    """The port for SRT, publishers and players alike; UDP."""

    enabled: Annotated[bool, Meta(extra=NEEDS_RESTART)] = True
    listen: Address = Listen("0.0.0.0", 10080)
    latency_ms: Annotated[int, Meta(ge=20, le=8000)] = 120
    """What we ask for; the larger of the two ends' wishes holds."""
    passphrase: Passphrase = Passphrase("")
    """Empty: connections are not encrypted."""
    passphrases: Passphrases = Passphrases()
    """By the key that a caller shows, before `passphrase`; without that one, who shows none of these keys is
    refused."""
    default_mode: SrtMode = "publish"
    """What a stream id means that is a bare stream name."""
    ports: Annotated[StreamPorts, Meta(extra=NEEDS_RESTART)] = StreamPorts()
    """Further ports at the same address, each for publishing one stream without a stream id."""


class Api(Section, frozen=True, kw_only=True):
    """The control API and console."""

    listen: Address = Listen("127.0.0.1", 1985)
    access: Ways = Ways()
    keys: KeyTable = KeyTable()
    allow: Networks = Networks()
    """Empty: from anywhere."""
    deny: Networks = Networks()


class Metrics(Section, frozen=True, kw_only=True):
    """/metrics, /healthz and /readyz."""

    listen: Address = Listen("127.0.0.1", 9972)
    access: Ways = Ways()
    """Of /metrics; whether the engine lives is told to everybody who reaches the port."""
    keys: KeyTable = KeyTable()
    allow: Networks = Networks()
    deny: Networks = Networks()


class Access(Section, frozen=True, kw_only=True):
    """What the ways in are made of, for all streams alike."""

    signing_keys: SharedSecrets = SharedSecrets()
    """What URLs are signed with, by key id; `fanlight sign` takes the first."""
    jwt_algorithm: JwtAlgorithm = "off"
    jwt_secrets: SharedSecrets = SharedSecrets()
    """For HS256, by key id."""
    jwt_public_keys: PublicKeys = PublicKeys()
    """For the others, by key id."""
    jwt_keys_url: Annotated[str, Meta(max_length=2048, pattern=r"^[!-~]*$")] = ""
    """Where the issuer publishes its keys (JWKS, RFC 7517); empty: nowhere."""
    jwt_issuer: Annotated[str, Meta(max_length=256, pattern=r"^[!-~]*$")] = ""
    """What `iss` has to be; empty: anything."""
    jwt_audience: Annotated[str, Meta(max_length=256, pattern=r"^[!-~]*$")] = ""
    """What has to be in `aud`; empty: anything."""
    jwt_leeway_s: Annotated[int, Meta(ge=0, le=600)] = 30
    """How far the issuer's clock may be from ours."""
    trusted_proxies: Networks = Networks()
    """Who may say on whose behalf it comes."""
    proxy_protocol: ProxiedPorts = ProxiedPorts()
    """The ports where trusted proxies begin with a PROXY header."""


class Workers(Section, frozen=True, kw_only=True):
    """How many processes, and when one of them counts as gone."""

    fanout: Annotated[int, Meta(ge=0, le=256, extra=NEEDS_RESTART)] = 0
    """0: one per core."""
    ingest: Annotated[int, Meta(ge=1, le=64, extra=NEEDS_RESTART)] = 1
    packager: Annotated[int, Meta(ge=1, le=64, extra=NEEDS_RESTART)] = 1
    """None runs where HLS is off."""
    drain_s: Annotated[float, Meta(ge=0, le=3600)] = 30.0
    """How long connections may go on after SIGTERM."""
    orphan_drain_s: Annotated[float, Meta(ge=0, le=3600)] = 10.0
    """The same, after the supervisor has died."""
    heartbeat_timeout_s: Annotated[float, Meta(ge=1, le=60)] = 3.0
    restart_intensity: Annotated[int, Meta(ge=1, le=100)] = 5
    """Early deaths of one worker in `restart_window_s` that are answered by a restart at once."""
    restart_window_s: Annotated[float, Meta(ge=1, le=3600)] = 60.0


class Fanout(Section, frozen=True, kw_only=True):
    """How media leaves: pacing, and what becomes of players that cannot keep up."""

    min_coalesce_ms: Annotated[int, Meta(ge=0, le=1000)] = 0
    max_coalesce_ms: Annotated[int, Meta(ge=0, le=1000)] = 100
    max_lag_s: Annotated[float, Meta(ge=1, le=60)] = 4.0
    max_lag_bytes: Annotated[int, Meta(ge=64 * KIB, le=256 * MIB)] = 8 * MIB
    slow_player: SlowPlayer = "jump"
    max_jumps: Annotated[int, Meta(ge=0, le=1000)] = 3
    jump_window_s: Annotated[float, Meta(ge=1, le=3600)] = 30.0
    send_buffer_bytes: Annotated[int, Meta(ge=16 * KIB, le=16 * MIB)] = 256 * KIB
    """SO_SNDBUF of a player's socket; the kernel doubles it for its own bookkeeping."""
    user_timeout_s: Annotated[float, Meta(ge=1, le=600)] = 15.0
    """TCP_USER_TIMEOUT: unacknowledged bytes older than this end the connection."""
    max_players: Annotated[int, Meta(ge=1, le=1_000_000)] = 20_000
    """In one fanout worker."""


class Ring(Section, frozen=True, kw_only=True):
    """Shared memory per stream."""

    bytes: Annotated[int, Meta(ge=MIB, le=GIB, multiple_of=MIB, extra=NEEDS_RESTART)] = 32 * MIB
    index_entries: Annotated[int, Meta(ge=1024, le=2**20, extra=NEEDS_RESTART)] = 16_384
    """One per tag, 64 bytes each; a power of two."""


class Publish(Section, frozen=True, kw_only=True):
    """Who may publish, how many, and what happens when a publisher stops."""

    max_streams: Annotated[int, Meta(ge=1, le=10_000, extra=NEEDS_RESTART)] = 50
    publish_key: Secret = Secret("")
    """One key in plain text; empty: none."""
    publish_keys: KeyTable = KeyTable()
    publish_access: Ways = Ways()
    publish_allow: Networks = Networks()
    """Empty: from anywhere."""
    publish_deny: Networks = Networks()
    takeover: bool = True
    grace_s: Annotated[float, Meta(ge=0, le=3600)] = 10.0
    """How long players are kept after the publisher has vanished."""
    first_packet_s: Annotated[float, Meta(ge=0.5, le=600)] = 10.0
    idle_s: Annotated[float, Meta(ge=0.5, le=600)] = 5.0


class Limits(MediaLimits, frozen=True, kw_only=True):
    """What a publisher may send."""

    over_limit: OverLimit = "end"
    """What becomes of a publisher that does not keep to a limit."""
    limit_window_s: Annotated[float, Meta(ge=1, le=300)] = 10.0
    """How long twice the bitrate or frame rate is tolerated."""
    key_limits: KeyLimits = KeyLimits()
    """Of those who come with single keys, beside the others."""


class Addresses(Section, frozen=True, kw_only=True):
    """What one address may have, over TCP and SRT: an IPv4 address, or an IPv6 network of 64 bits."""

    max_connections: Annotated[int, Meta(ge=0, le=1_000_000)] = 1000
    """At once, in all workers; 0: no limit."""
    max_handshakes_per_s: Annotated[float, Meta(ge=0, le=100_000)] = 100.0
    """Connections begun in a second, sustained; 0: no limit."""
    exempt: Annotated[str, Meta(max_length=4096, pattern=r"^[0-9A-Fa-f.:,/]*$")] = "127.0.0.0/8,::1/128"
    """Networks divided by commas that have no limit."""


class Overload(Section, frozen=True, kw_only=True):
    """When a worker counts as full: the hundred per cent that the ladder's steps are shares of."""

    enabled: bool = True
    max_loop_lag_ms: Annotated[int, Meta(ge=10, le=60_000)] = 1000
    max_cpu_percent: Annotated[float, Meta(ge=10, le=100)] = 100.0
    """Of one core."""


class Play(Section, frozen=True, kw_only=True):
    """Who may play, where a player starts, and how long it waits for a stream that is not there."""

    play_keys: KeyTable = KeyTable()
    play_access: Ways = Ways()
    play_allow: Networks = Networks()
    """Empty: from anywhere."""
    play_deny: Networks = Networks()
    start: StartMode = "keyframe"
    wait_s: Annotated[float, Meta(ge=0, le=600)] = 5.0


class Gop(Section, frozen=True, kw_only=True):
    """How far back a player may start. Limits on an index, not on memory: the ring holds the bytes anyway."""

    max_gops: Annotated[int, Meta(ge=1, le=100)] = 2
    max_duration_s: Annotated[float, Meta(ge=0.1, le=120)] = 10.0
    max_bytes: Annotated[int, Meta(ge=1, le=GIB)] = 10_000_000


class Hls(Section, frozen=True, kw_only=True):
    """Segments, parts and playlists."""

    enabled: Annotated[bool, Meta(extra=NEEDS_RESTART)] = True
    variant: HlsVariant = "low_latency"
    segment_s: Annotated[float, Meta(ge=0.5, le=20)] = 2.0
    """A segment ends at the first keyframe after so long."""
    max_segment_s: Annotated[float, Meta(ge=1, le=60)] = 10.0
    """Without a keyframe it ends here."""
    playlist_segments: Annotated[int, Meta(ge=3, le=100)] = 6
    part_s: Annotated[float, Meta(ge=0.2, le=5)] = 0.5
    delete_after_s: Annotated[float, Meta(ge=0, le=3600)] = 10.0
    """How long a segment outlives its line in the playlist."""
    on_demand: bool = True
    """Whether streams are packaged only while somebody asks for their playlists."""
    end_list: bool = True
    """Whether the playlist of a stream that is over says so."""
    return_s: Annotated[float, Meta(ge=0, le=3600)] = 60.0
    """Where it does not: how long it can still be gone on with."""
    programmes: Programmes = Programmes()
    """Streams that are renditions of one programme, in one multivariant playlist."""
    ring_bytes: Annotated[int, Meta(ge=MIB, le=GIB, multiple_of=MIB, extra=NEEDS_RESTART)] = 32 * MIB
    """Shared memory for the parts of one stream."""
    folder_bytes: Annotated[int, Meta(ge=MIB, le=1024 * GIB, extra=NEEDS_RESTART)] = GIB
    """For the segments of all streams together."""


class Outgoing(Section, frozen=True, kw_only=True):
    """Requests that the engine itself makes: hooks, keys, sources."""

    allow: AllowList = AllowList()
    """Addresses, networks and names beyond the public ones that it may go to."""


class Hooks(Section, frozen=True, kw_only=True):
    """Webhooks: who is told what happens, and who decides."""

    url: HookUrls = HookUrls()
    """For every event that has no address of its own; empty: no hooks."""
    on_publish: HookUrls = HookUrls()
    on_unpublish: HookUrls = HookUrls()
    on_play: HookUrls = HookUrls()
    on_stop: HookUrls = HookUrls()
    on_hls: HookUrls = HookUrls(is_off=True)
    on_stream_live: HookUrls = HookUrls()
    on_stream_idle: HookUrls = HookUrls()
    secret: Secret = Secret("")
    """What calls are signed with; empty: they are not."""
    timeout_s: Annotated[float, Meta(ge=0.1, le=30)] = 3.0
    """For one call, from its beginning to the last byte of the answer."""
    publish_unanswered: Unanswered = "deny"
    play_unanswered: Unanswered = "allow"
    params: HookParams = "masked"
    folder: File = ""
    """Of the spool; empty: a place of the system's choice."""
    spool_bytes: Annotated[int, Meta(ge=MIB, le=16 * GIB, extra=NEEDS_RESTART)] = 32 * MIB


class Log(Section, frozen=True, kw_only=True):
    """What is told, where, and how much of it."""

    level: LogLevel = "info"
    format: LogFormat = "auto"
    """Of the stream; the file is JSON."""
    stream: LogStream = "stdout"
    file: HotFile = ""
    max_file_bytes: Annotated[int, Meta(ge=64 * KIB, le=16 * GIB)] = 64 * MIB
    """It is rotated at this size."""
    kept_files: Annotated[int, Meta(ge=0, le=100)] = 5
    """Older ones beside it."""
    max_lines_per_s: Annotated[int, Meta(ge=1, le=100_000)] = 100
    """Of one event in one process; ten seconds' worth may come at once."""


class Traces(Section, frozen=True, kw_only=True):
    """Traces of single publishers, players and API requests, for a collector (OTLP over HTTP)."""

    url: Annotated[str, Meta(max_length=2048, pattern=r"^[!-~]*$", extra=NEEDS_RESTART)] = ""
    """Empty: no traces."""
    ratio: Annotated[float, Meta(ge=0, le=1)] = 0.1
    """What part of those is traced that nobody else has decided about."""
    authorization: Secret = Secret("")
    """The Authorization header's value; empty: none is sent."""


class PathTable(Section, frozen=True, kw_only=True):
    """One `[paths."pattern"]` table: what it sets, by the names the sections use (none of them twice).

    Values were checked against the section's limits when the file was loaded.
    """

    publish_key: Secret | UnsetType = UNSET
    publish_keys: KeyTable | UnsetType = UNSET
    publish_access: Ways | UnsetType = UNSET
    publish_allow: Networks | UnsetType = UNSET
    publish_deny: Networks | UnsetType = UNSET
    takeover: bool | UnsetType = UNSET
    grace_s: float | UnsetType = UNSET
    first_packet_s: float | UnsetType = UNSET
    idle_s: float | UnsetType = UNSET
    over_limit: OverLimit | UnsetType = UNSET
    max_bitrate_bps: int | UnsetType = UNSET
    max_frame_rate: float | UnsetType = UNSET
    limit_window_s: float | UnsetType = UNSET
    max_width: int | UnsetType = UNSET
    max_height: int | UnsetType = UNSET
    max_keyframe_interval_s: float | UnsetType = UNSET
    allowed_codecs: str | UnsetType = UNSET
    max_session_s: float | UnsetType = UNSET
    key_limits: KeyLimits | UnsetType = UNSET
    play_keys: KeyTable | UnsetType = UNSET
    play_access: Ways | UnsetType = UNSET
    play_allow: Networks | UnsetType = UNSET
    play_deny: Networks | UnsetType = UNSET
    start: StartMode | UnsetType = UNSET
    wait_s: float | UnsetType = UNSET
    max_gops: int | UnsetType = UNSET
    max_duration_s: float | UnsetType = UNSET
    max_bytes: int | UnsetType = UNSET
    min_coalesce_ms: int | UnsetType = UNSET
    max_coalesce_ms: int | UnsetType = UNSET
    max_lag_s: float | UnsetType = UNSET
    max_lag_bytes: int | UnsetType = UNSET
    slow_player: SlowPlayer | UnsetType = UNSET
    max_jumps: int | UnsetType = UNSET
    jump_window_s: float | UnsetType = UNSET
    srt_passphrase: Passphrase | UnsetType = UNSET
    srt_passphrases: Passphrases | UnsetType = UNSET
    srt_latency_ms: int | UnsetType = UNSET
    hls_variant: HlsVariant | UnsetType = UNSET
    hls_segment_s: float | UnsetType = UNSET
    hls_max_segment_s: float | UnsetType = UNSET
    hls_playlist_segments: int | UnsetType = UNSET
    hls_part_s: float | UnsetType = UNSET
    hls_delete_after_s: float | UnsetType = UNSET
    hls_on_demand: bool | UnsetType = UNSET
    hls_end_list: bool | UnsetType = UNSET
    hls_return_s: float | UnsetType = UNSET
    hooks_url: HookUrls | UnsetType = UNSET
    hooks_on_publish: HookUrls | UnsetType = UNSET
    hooks_on_unpublish: HookUrls | UnsetType = UNSET
    hooks_on_play: HookUrls | UnsetType = UNSET
    hooks_on_stop: HookUrls | UnsetType = UNSET
    hooks_on_hls: HookUrls | UnsetType = UNSET
    hooks_on_stream_live: HookUrls | UnsetType = UNSET
    hooks_on_stream_idle: HookUrls | UnsetType = UNSET
    hooks_secret: Secret | UnsetType = UNSET
    hooks_timeout_s: float | UnsetType = UNSET
    hooks_publish_unanswered: Unanswered | UnsetType = UNSET
    hooks_play_unanswered: Unanswered | UnsetType = UNSET
    hooks_params: HookParams | UnsetType = UNSET


class Config(Section, frozen=True, kw_only=True):
    """The whole configuration, valid key by key. `load` also holds the rules between keys."""

    rtmp: Rtmp = Rtmp()
    http: Http = Http()
    tls: Tls = Tls()
    srt: Srt = Srt()
    api: Api = Api()
    metrics: Metrics = Metrics()
    access: Access = Access()
    workers: Workers = Workers()
    fanout: Fanout = Fanout()
    ring: Ring = Ring()
    publish: Publish = Publish()
    limits: Limits = Limits()
    addresses: Addresses = Addresses()
    overload: Overload = Overload()
    play: Play = Play()
    gop: Gop = Gop()
    hls: Hls = Hls()
    outgoing: Outgoing = Outgoing()
    hooks: Hooks = Hooks()
    log: Log = Log()
    traces: Traces = Traces()
    paths: dict[str, PathTable] = field(default_factory=dict)
