"""Several tracks in one message (enhanced RTMP v2, "multitrack").

After the packet header stands one byte, multitrack type and the packet type of all tracks, and then:

    OneTrack             FourCC, track id u8, payload to the end
    ManyTracks           FourCC, then for each track: id u8, length u24, payload
    ManyTracksManyCodecs for each track: FourCC, id u8, length u24, payload
"""

from typing import Final, NamedTuple

from engine.media.tags import Body

ONE_TRACK: Final = 0
MANY_TRACKS: Final = 1
MANY_CODECS: Final = 2


class TrackPart(NamedTuple):
    """One track in a multitrack message: its id, FourCC, and where its payload stands in the body."""

    track: int
    codec: str
    start: int
    end: int


def walk_tracks(body: Body, at: int) -> tuple[int, tuple[TrackPart, ...]]:
    """Return (packet type, parts) of the multitrack header at that offset; no parts if it is torn or
    unknown."""
    if len(body) < at + 1:
        return 0, ()
    form, packet_type = body[at] >> 4, body[at] & 0x0F
    at += 1
    if form == MANY_CODECS:
        return packet_type, _walk_sized(body, at, "")
    codec = str(body[at : at + 4], "latin-1")
    if form == MANY_TRACKS:
        return packet_type, _walk_sized(body, at + 4, codec)
    if form != ONE_TRACK or len(body) < at + 5:
        return packet_type, ()
    return packet_type, (TrackPart(body[at + 4], codec, at + 5, len(body)),)


def _walk_sized(body: Body, at: int, codec: str) -> tuple[TrackPart, ...]:
    """Walk tracks that say their length; one codec for all, or ("") each with its own."""
    parts: list[TrackPart] = []
    fourcc_bytes = 0 if codec else 4
    while at < len(body):
        start = at + fourcc_bytes + 4
        if start > len(body):
            return ()
        end = start + (body[start - 3] << 16 | body[start - 2] << 8 | body[start - 1])
        if end > len(body):
            return ()
        parts.append(TrackPart(body[start - 4], codec or str(body[at : at + 4], "latin-1"), start, end))
        at = end
    return tuple(parts)


def one_track_body(body: Body, first: int, packet_type: int, part: TrackPart) -> bytes:
    """Return a OneTrack message with one track of a larger one. first is the byte the message begins with."""
    head = bytes((first, ONE_TRACK << 4 | packet_type))
    return b"".join((head, part.codec.encode("latin-1"), bytes((part.track,)), body[part.start : part.end]))
