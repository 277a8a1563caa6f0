"""MPEG audio (ISO 11172-3 §2.4.1.3, ISO 13818-3 §2.4.1.3): layer III passes, it is FLV's MP3.

Layer II, broadcasters' older sound, has no place in FLV. Its frames are cut all the same, so that they are
counted one by one.
"""

from typing import Final

from engine.protocols.mpegts.audio import AudioFrame

_HEADER_BYTES: Final = 4
_LAYER_3: Final = 1
_LAYER_2: Final = 2
_MPEG_1: Final = 3
_MPEG_2_5: Final = 0
_RESERVED: Final = 1
# kbit/s by index: MPEG-1 layer II and III, MPEG-2 both
_RATES_1_2: Final = (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_RATES_1_3: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_RATES_2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_SAMPLE_RATES: Final = {
    _MPEG_1: (44100, 48000, 32000),
    2: (22050, 24000, 16000),
    _MPEG_2_5: (11025, 12000, 8000),
}
_MONO: Final = 3
_FLV_MP3: Final = 0x22  # FLV 10.1 annex E.4.2: format 2, 16 bits
_FLV_MP3_8K: Final = 0xE2  # format 14


class MpegAudio:
    """Cuts and reads MPEG audio."""

    sync = b"\xff"
    head_bytes = _HEADER_BYTES

    def frame_bytes(self, data: bytes, at: int) -> int:
        """Return the length that follows from bit rate and sample rate; 0 for layer I and free format too."""
        second, third = data[at + 1], data[at + 2]
        if data[at] != 0xFF or second & 0xE0 != 0xE0:
            return 0
        version, layer = second >> 3 & 3, second >> 1 & 3
        if (
            version == _RESERVED
            or layer not in (_LAYER_2, _LAYER_3)
            or third >> 4 == 15
            or third >> 2 & 3 == 3
        ):
            return 0
        rates = _RATES_2 if version != _MPEG_1 else _RATES_1_3 if layer == _LAYER_3 else _RATES_1_2
        kbps, rate = rates[third >> 4], _SAMPLE_RATES[version][third >> 2 & 3]
        slots = 72_000 if layer == _LAYER_3 and version != _MPEG_1 else 144_000
        return slots * kbps // rate + (third >> 1 & 1) if kbps else 0

    def read(self, frame: bytes) -> AudioFrame | None:
        """Put FLV's byte before a frame of layer III."""
        if frame[1] >> 1 & 3 != _LAYER_3:
            return None
        version = frame[1] >> 3 & 3
        rate = _SAMPLE_RATES[version][frame[2] >> 2 & 3]
        first = _flv_byte(rate) | (frame[3] >> 6 != _MONO)
        return AudioFrame((bytes((first,)) + frame,), 1152 if version == _MPEG_1 else 576, rate)


def _flv_byte(rate: int) -> int:
    """FLV knows 44.1, 22.05, 11.025 and 8 kHz; the others are said to be the nearest of their family, and the
    frame's own header has the truth."""
    if rate == 8000:
        return _FLV_MP3_8K
    return _FLV_MP3 | (3 if rate >= 32000 else 2 if rate >= 16000 else 1) << 2


def is_mpeg_1(frame: bytes) -> bool:
    """Whether a frame is of MPEG-1, which has a stream type of its own."""
    return len(frame) > 1 and frame[1] >> 3 & 3 == _MPEG_1
