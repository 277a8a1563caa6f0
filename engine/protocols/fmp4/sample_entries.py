"""Sample entries: what stands in stsd (ISO 14496-12 §8.5.2, §12.1.3, §12.2.3), and mp4a's descriptors."""

from struct import Struct
from typing import Final

from engine.protocols.fmp4.boxes import box, full_box

# reserved, data reference 1, reserved, width, height, 72 dpi twice, reserved, one frame per sample, no name
# of a compressor, 24 bits of colour, -1
_VISUAL: Final = Struct(">6xH16xHHII4xH32xHh")
_DPI_72: Final = 72 << 16
# reserved, data reference 1, reserved, channels, bits, reserved, rate as 16.16
_AUDIO: Final = Struct(">6xH8xHH4xI")
_MAX_ENTRY_RATE: Final = 0xFFFF

_AUDIO_STREAM: Final = 5 << 2 | 1  # ISO 14496-1 §7.2.6.6: streamType 5, upStream 0, reserved 1
_ES_DESCRIPTOR: Final = 3  # tags, ISO 14496-1 table 1
_DECODER_CONFIG: Final = 4
_DECODER_SPECIFIC: Final = 5
_SL_CONFIG: Final = 6
_SL_FOR_MP4: Final = b"\x02"  # ISO 14496-14 §3.1.2


def visual_entry(kind: bytes, width: int, height: int, config: bytes) -> bytes:
    """Return a VisualSampleEntry with its configuration box."""
    return box(kind, _VISUAL.pack(1, width, height, _DPI_72, _DPI_72, 1, 24, -1), config)


def audio_entry(kind: bytes, sample_rate: int, channels: int, config: bytes, *, bits: int = 16) -> bytes:
    """Return an AudioSampleEntry with its configuration box.

    A rate beyond 16 bits is told by the configuration; here stands its greatest half that fits, as
    FLAC-in-ISOBMFF §3.3.3 has it for all.
    """
    while sample_rate > _MAX_ENTRY_RATE:
        sample_rate >>= 1
    return box(kind, _AUDIO.pack(1, channels, bits, sample_rate << 16), config)


def esds(object_type: int, specific: bytes = b"") -> bytes:
    """Return the box that says what an mp4a is (ISO 14496-14 §5.6); buffer sizes and bit rates unsaid."""
    info = _descriptor(_DECODER_SPECIFIC, specific) if specific else b""
    decoder = bytes((object_type, _AUDIO_STREAM)) + bytes(11) + info
    content = bytes(3) + _descriptor(_DECODER_CONFIG, decoder) + _descriptor(_SL_CONFIG, _SL_FOR_MP4)
    return full_box(b"esds", 0, 0, _descriptor(_ES_DESCRIPTOR, content))


def _descriptor(tag: int, content: bytes) -> bytes:
    """Lengths are written in groups of seven bits (ISO 14496-1 §8.3.3)."""
    left, size = len(content) >> 7, bytes((len(content) & 0x7F,))
    while left:
        size, left = bytes((0x80 | left & 0x7F,)) + size, left >> 7
    return bytes((tag,)) + size + content
