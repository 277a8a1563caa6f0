"""What one RTMP peer may make us hold or do. Each number: unit, reason, precedent.

Two sets matter: `BEFORE_PUBLISH` for anybody who reaches the port, and for a publisher we have accepted
`AFTER_PUBLISH`, or what `publisher_limits` makes of the operator's wish. Players stay in the first: nothing
they legitimately send is larger.
"""

from typing import Final

import msgspec

KIB: Final = 1024
MIB: Final = 1024 * KIB

DEFAULT_CHUNK_BYTES: Final = 128
"""What both sides start with (RTMP 1.0 section 5.4.1)."""

OUT_CHUNK_BYTES: Final = 65_536
"""What we announce and write. A tag is then nearly always one chunk, and ffmpeg, which mirrors the server's
chunk size if it hears it before `publish`, sends us the same. nginx-rtmp writes 4096, SRS 60,000."""

MIN_CHUNK_BYTES: Final = 1
"""RTMP 1.0 section 5.4.1 allows 1. Below 128 only nonsense or an attack asks for it, which the budget of
headers below meets without a rule of its own (Red5#475 was answered with a minimum of 128)."""

MAX_CHUNK_BYTES: Final = 65_536
"""Larger is refused. nginx-rtmp#1042: a peer announced 2^31-1 and the server allocated it. The specification
stops at 16 MiB, SRS warns above 65,536, gortmplib accepts 10 MiB; no encoder seen sends more than 65,536."""

MAX_CHUNK_HEADERS_PER_S: Final = 200_000
"""Decode work, chunk headers in one second of the caller's clock. A 200 Mbit/s publisher that never leaves
128-byte chunks needs 195,000; 1-byte chunks meet this after 200 KB."""

MAX_COMMANDS_BEFORE_ACCEPT: Final = 32
"""Commands before publish or play is accepted. The wordiest client known (FMLE) sends 8; SRS#607 is the
endless createStream."""

MAX_COMMANDS_PER_S: Final = 100
"""Commands in one second once accepted: a person at a seek bar sends a few; each costs up to 100 us."""

MAX_MESSAGES_PER_S: Final = 2_000
"""Messages in one second that are not a publisher's audio or video: control, commands, scripts, media nobody
takes. An empty message is one byte on the wire and an event here. Captions and cue points are below 100."""

MAX_MEDIA_PER_S: Final = 10_000
"""A publisher's audio and video messages in one second, those inside aggregates too. Live is below 200, a
film pushed at a hundred times its speed 7,000. An empty message is one byte on the wire, and a tag for
everybody behind it: without a limit 200 KB a second keep a core busy."""

MAX_UNREAD_BYTES: Final = 256 * KIB
"""Bytes kept, unparsed, while the caller decides about a publish or play. A caller that stops reading
meanwhile has at most one read here."""

MAX_PATH_BYTES: Final = 512
"""App and stream name together, without queries. Names we allow end at 4 x 64; the rest is for a clear
refusal by whoever validates, instead of a protocol error."""

MAX_QUERY_BYTES: Final = 4 * KIB
"""Query of app and stream name together: tokens (a JWT with RSA signature is about 1 KiB) live here."""

MAX_INFO_BYTES: Final = 256
"""flashVer and other texts kept only to be shown."""

MAX_FOURCCS: Final = 32
"""Codecs in an enhanced RTMP `fourCcList`; the specification names 12."""

MAX_AGGREGATE_TAGS: Final = 1024
"""Tags in one aggregate message. FMS packs a tenth of a second or so: some dozens."""

DEFAULT_WINDOW_BYTES: Final = 2_500_000
"""The acknowledgement window we announce and assume (FMS and SRS: 2,500,000; nginx-rtmp 5,000,000)."""

MIN_WINDOW_BYTES: Final = 16 * KIB
"""A smaller window from the peer counts as this one: acknowledgements must stay a small part of the
traffic."""


class ReaderLimits(msgspec.Struct, frozen=True):
    """What a `ChunkReader` lets pass at the moment."""

    message_bytes: int
    in_flight_bytes: int
    chunk_streams: int


BEFORE_PUBLISH: Final = ReaderLimits(message_bytes=64 * KIB, in_flight_bytes=256 * KIB, chunk_streams=16)
"""Commands take some hundred bytes each. gortmplib lets 62 half messages of 10 MiB stand per stranger."""

AFTER_PUBLISH: Final = ReaderLimits(message_bytes=8 * MIB, in_flight_bytes=16 * MIB, chunk_streams=64)
"""A 4K keyframe at 100 Mbit/s is about 3 MB. nginx-rtmp: 1 MiB a message, 32 chunk streams; gortmplib: 10
MiB, 62 chunk streams."""


def publisher_limits(message_bytes: int) -> ReaderLimits:
    """AFTER_PUBLISH with another largest message. Two of those may be under way, one per track, and never
    less than a stranger may have.
    """
    return ReaderLimits(
        message_bytes=message_bytes,
        in_flight_bytes=max(2 * message_bytes, BEFORE_PUBLISH.in_flight_bytes),
        chunk_streams=AFTER_PUBLISH.chunk_streams,
    )
