"""What a connection tells its caller. Frozen values without behaviour.

Paths: an `app` or `name` may hold several segments, and some clients put everything in one of them and leave
the other empty; `path` is their non-empty parts joined with "/". Nothing here is validated beyond its length:
names from the wire go through `engine.access` before they mean anything.
"""

from typing import TypeAlias

import msgspec


class Connected(msgspec.Struct, frozen=True):
    """The peer said `connect` and was answered."""

    app: str
    tc_url: str
    query: str
    flash_ver: str
    fourccs: tuple[str, ...]
    """Codecs offered through enhanced RTMP, empty for a classic client; "*" means any."""


class PublishRequested(msgspec.Struct, frozen=True):
    """The peer wants to publish. Parsing stands still until `accept_publish` or `refuse_publish`."""

    app: str
    name: str
    path: str
    query: str
    """The queries of app and name, joined with "&": where keys and tokens are."""
    kind: str
    """Type of publishing: "live", "record" or "append"; we treat all as live."""


class PlayRequested(msgspec.Struct, frozen=True):
    """The peer wants to play. Parsing stands still until `accept_play` or `refuse_play`."""

    app: str
    name: str
    path: str
    query: str
    start: float
    """As sent. -2: live or recorded, -1: live only, from 0 on a position, in seconds (RTMP 1.0 section
    7.2.2.1); librtmp and ffmpeg send the same numbers in milliseconds."""
    duration: float
    reset: bool


class Media(msgspec.Struct, frozen=True, gc=False):
    """One FLV tag's worth: kind 8 audio, 9 video, 18 script.

    A script body begins with the name it is for ("onMetaData"): `@setDataFrame` is gone.
    """

    kind: int
    timestamp_ms: int
    """Absolute, 32 bits, wraps after 49.7 days."""
    body: bytes


class Unpublished(msgspec.Struct, frozen=True):
    """The publisher said goodbye, rather than vanished."""

    reason: str = "clean"


class PlayStopped(msgspec.Struct, frozen=True):
    """The player closed its stream but not the connection."""


class Paused(msgspec.Struct, frozen=True):
    """The player paused or went on; it has been answered."""

    paused: bool
    position_ms: int


class Wanted(msgspec.Struct, frozen=True):
    """The player turned a kind of media (8 or 9) on or off (receiveAudio, receiveVideo)."""

    kind: int
    wanted: bool


class BufferLength(msgspec.Struct, frozen=True):
    """The player told how much it buffers (RTMP 1.0 section 7.1.7, event 3)."""

    milliseconds: int


class PeerAcked(msgspec.Struct, frozen=True):
    """The peer had received so many bytes, modulo 2^32."""

    sequence: int


class Pong(msgspec.Struct, frozen=True):
    """The peer answered `ping`."""

    timestamp_ms: int


class Ignored(msgspec.Struct, frozen=True):
    """Something harmless that we do not act upon: for counters and for the curious."""

    what: str


class Accepted(msgspec.Struct, frozen=True):
    """Client: the server accepted `connect`."""

    code: str
    fourccs: tuple[str, ...]


class Status(msgspec.Struct, frozen=True):
    """Client: an onStatus or error of the server."""

    level: str
    code: str
    description: str


class PublishStarted(msgspec.Struct, frozen=True):
    """Client: media may be sent now."""


class PlayStarted(msgspec.Struct, frozen=True):
    """Client: media follows."""


class StreamEnded(msgspec.Struct, frozen=True):
    """Client: the server says that the stream is over (StreamEOF)."""


Event: TypeAlias = (
    Connected
    | PublishRequested
    | PlayRequested
    | Media
    | Unpublished
    | PlayStopped
    | Paused
    | Wanted
    | BufferLength
    | PeerAcked
    | Pong
    | Ignored
    | Accepted
    | Status
    | PublishStarted
    | PlayStarted
    | StreamEnded
)
