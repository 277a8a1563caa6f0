"""The wire formats a player may ask for, each a function of the tags alone.

The ring holds FLV tags, so HTTP-FLV needs nothing. RTMP and WebSocket-FLV turn one tag into one message or
frame. Because the bytes depend on nothing but the tag, every process that sees the tag makes the same bytes;
a player can be moved to another worker at any byte (DESIGN.md, ideas 3 and 6). Nothing here may ever look at
the past.
"""

from typing import Protocol

from engine.media.tags import BACK_POINTER_BYTES, TAG_HEADER_BYTES, flv_header
from engine.protocols.rtmp.play_frames import encode_message
from engine.protocols.websocket import encode_frame

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


class FlvWire:
    """HTTP-FLV: the ring's own bytes."""

    name = "http-flv"

    def opening(self, has_video: bool, has_audio: bool) -> bytes:
        return flv_header(video=has_video, audio=has_audio)

    def encode(self, tag: Bytes) -> bytes:
        return bytes(tag)


class WebSocketFlvWire:
    """WebSocket-FLV: one unmasked binary frame for each tag; the FLV header is a frame of its own."""

    name = "ws-flv"

    def opening(self, has_video: bool, has_audio: bool) -> bytes:
        return encode_frame(flv_header(video=has_video, audio=has_audio))

    def encode(self, tag: Bytes) -> bytes:
        return encode_frame(bytes(tag))


class RtmpWire:
    """RTMP play: one message with a full header for each tag."""

    name = "rtmp"

    def opening(self, has_video: bool, has_audio: bool) -> bytes:
        return b""

    def encode(self, tag: Bytes) -> bytes:
        timestamp_ms = (tag[7] << 24) | (tag[4] << 16) | (tag[5] << 8) | tag[6]
        body = bytes(memoryview(tag)[TAG_HEADER_BYTES : len(tag) - BACK_POINTER_BYTES])
        return encode_message(tag[0], timestamp_ms, body)


class SrtWire:
    """SRT: transport stream, which depends on history and is made by `ts_log`, not tag by tag."""

    name = "srt"

    def opening(self, has_video: bool, has_audio: bool) -> bytes:
        return b""

    def encode(self, tag: Bytes) -> bytes:
        return bytes(tag)


FLV = FlvWire()
WEBSOCKET_FLV = WebSocketFlvWire()
RTMP = RtmpWire()
SRT = SrtWire()
WIRES: tuple[Wire, ...] = (FLV, WEBSOCKET_FLV, RTMP)
