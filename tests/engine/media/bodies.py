"""Message bodies as publishers send them, for the tests of this folder."""

import struct
from typing import Final

from engine.media.tags import KIND_AUDIO, KIND_SCRIPT, KIND_VIDEO

__all__ = ["KIND_AUDIO", "KIND_SCRIPT", "KIND_VIDEO"]

# 322x182, High, level 1.3, as x264 writes it.
AVC_CONFIG: Final = bytes.fromhex(
    "0164000dffe1001a6764000dacd941519e226c0440000003004000000c83c50a658001000668ebe3cb22c0fdf8f800"
)
AAC_CONFIG: Final = bytes.fromhex("1190")  # LC, 48 kHz, stereo
OPUS_CONFIG: Final = b"OpusHead" + struct.pack("<BBHIHB", 1, 2, 312, 44_100, 0, 0)

AVC_HEADER: Final = b"\x17\x00\x00\x00\x00" + AVC_CONFIG
AAC_HEADER: Final = b"\xaf\x00" + AAC_CONFIG
AAC_FRAME: Final = b"\xaf\x01" + b"sound" * 20
ON_METADATA: Final = b"\x02\x00\x0aonMetaData\x08\x00\x00\x00\x00\x00\x00\x09"
SET_DATA_FRAME: Final = b"\x02\x00\x0d@setDataFrame"
CLEAR_DATA_FRAME: Final = b"\x02\x00\x0f@clearDataFrame\x02\x00\x0aonMetaData"


def avc_frame(*, key: bool = False, cts_ms: int = 0, payload: bytes = b"picture") -> bytes:
    """A classic AVC frame."""
    return bytes((0x17 if key else 0x27, 1)) + struct.pack(">i", cts_ms)[1:] + payload


def ex_video(packet_type: int, rest: bytes, *, frame_type: int = 2) -> bytes:
    """An enhanced video message: first byte, then whatever follows it."""
    return bytes((0x80 | frame_type << 4 | packet_type,)) + rest


def ex_audio(packet_type: int, rest: bytes) -> bytes:
    """An enhanced audio message."""
    return bytes((0x90 | packet_type,)) + rest


def sized_track(track: int, payload: bytes, fourcc: bytes = b"") -> bytes:
    """One track of a ManyTracks message."""
    return fourcc + bytes((track,)) + len(payload).to_bytes(3, "big") + payload
