"""VP8: the picture size in a key frame's header (RFC 6386 §9.1). There is no other place that tells it: what
enhanced RTMP sends as its configuration, if anything, is VP9's record."""

from engine.media.bits import BadConfig

_START_CODE = b"\x9d\x01\x2a"
_HEADER_BYTES = 10
_INTER_FRAME = 0x01
_SIZE = 0x3FFF  # the two bits above say how a player may scale it


def read_vp8_key_frame(frame: bytes) -> tuple[int, int]:
    """Width and height; raises BadConfig for what is no key frame."""
    if len(frame) < _HEADER_BYTES or frame[0] & _INTER_FRAME or frame[3:6] != _START_CODE:
        raise BadConfig("not a VP8 key frame")
    width, height = (int.from_bytes(frame[at : at + 2], "little") & _SIZE for at in (6, 8))
    return width, height
