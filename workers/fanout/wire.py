"""The wire formats a player may ask for, each a function of the tags alone.

The ring holds FLV tags, so HTTP-FLV needs nothing. RTMP and WebSocket-FLV turn one tag into one message or
frame. Because the bytes depend on nothing but the tag, every process that sees the tag makes the same bytes;
a player can be moved to another worker at any byte (DESIGN.md, ideas 3 and 6). Nothing here may ever look at
the past. The two that must, transport stream and fragmented MP4, are made elsewhere and only named here.
"""

from typing import Protocol

import msgspec

from engine.media.tags import BACK_POINTER_BYTES, TAG_HEADER_BYTES, flv_header
from engine.protocols.fmp4 import Fragments, Opening
from engine.protocols.rtmp.play_frames import encode_message
from engine.protocols.websocket import encode_frame
from engine.protocols.websocket.frames import Opcode

Bytes = bytes | bytearray | memoryview


class Wire(Protocol):
    """How tags look to one kind of player."""

    name: str
    """The protocol's name in metrics and logs."""

    def opening(self, has_video: bool, has_audio: bool) -> bytes:
        """What comes before the first tag."""
        ...

    def encode(self, tag: Bytes) -> bytes:
        """One whole FLV tag (header, body, back pointer) as this wire carries it."""
        ...

    def encode_headers(self, tags: Bytes) -> bytes:
        """Metadata and codec headers, as whole FLV tags, as this wire tells them to who joins."""
        ...


class TagWire:
    """A wire on which a header is a tag like any other."""

    def encode(self, tag: Bytes) -> bytes:
        """One whole FLV tag."""
        return bytes(tag)

    def encode_headers(self, tags: Bytes) -> bytes:
        """One after the other."""
        return b"".join(map(self.encode, whole_tags(tags)))


class FlvWire(TagWire):
    """HTTP-FLV: the ring's own bytes."""

    name = "http-flv"

    def opening(self, has_video: bool, has_audio: bool) -> bytes:
        return flv_header(video=has_video, audio=has_audio)


class WebSocketFlvWire(TagWire):
    """WebSocket-FLV: one unmasked binary frame for each tag; the FLV header is a frame of its own."""

    name = "ws-flv"

    def opening(self, has_video: bool, has_audio: bool) -> bytes:
        return encode_frame(flv_header(video=has_video, audio=has_audio))

    def encode(self, tag: Bytes) -> bytes:
        return encode_frame(bytes(tag))


class RtmpWire(TagWire):
    """RTMP play: one message with a full header for each tag."""

    name = "rtmp"

    def opening(self, has_video: bool, has_audio: bool) -> bytes:
        return b""

    def encode(self, tag: Bytes) -> bytes:
        timestamp_ms = (tag[7] << 24) | (tag[4] << 16) | (tag[5] << 8) | tag[6]
        body = bytes(memoryview(tag)[TAG_HEADER_BYTES : len(tag) - BACK_POINTER_BYTES])
        return encode_message(tag[0], timestamp_ms, body)


class SrtWire(TagWire):
    """SRT: transport stream, which depends on history and is made by `ts_log`, not tag by tag."""

    name = "srt"

    def opening(self, has_video: bool, has_audio: bool) -> bytes:
        return b""


class WebSocketMp4Wire(TagWire):
    """Fragmented MP4 over WebSocket, for Media Source Extensions: `mp4_log` makes it, since it depends on
    history.

    An opening is a text message, JSON with what MediaSource must know, and a binary one with the init
    segment; then there is a binary message per frame.
    """

    name = "ws-mp4"

    def opening(self, has_video: bool, has_audio: bool) -> bytes:
        return b""

    def encode_headers(self, tags: Bytes) -> bytes:
        opening = Fragments(tags).opening
        return encode_opening(opening) if opening else b""


def encode_opening(opening: Opening) -> bytes:
    """An opening as two WebSocket messages."""
    said = msgspec.json.encode({"type": "init", "mime": opening.mime, "tracks": opening.tracks})
    return encode_frame(said, Opcode.TEXT) + encode_frame(opening.init)


def whole_tags(tags: Bytes) -> list[memoryview]:
    """The whole FLV tags that `tags` is made of."""
    found, view, at = [], memoryview(tags), 0
    while at < len(view):
        length = TAG_HEADER_BYTES + BACK_POINTER_BYTES + int.from_bytes(view[at + 1 : at + 4], "big")
        found.append(view[at : at + length])
        at += length
    return found


FLV = FlvWire()
WEBSOCKET_FLV = WebSocketFlvWire()
RTMP = RtmpWire()
WEBSOCKET_MP4 = WebSocketMp4Wire()
SRT = SrtWire()
WIRES: tuple[Wire, ...] = (FLV, WEBSOCKET_FLV, RTMP)
