"""VP9: VPCodecConfigurationRecord (VP Codec ISO Media File Format Binding, §2.2), which does not tell the
picture size, and the uncompressed header of key frames, which does (VP9 bitstream specification, §6.2)."""

from typing import Final

from engine.media.bits import BadConfig, BitReader
from engine.media.formats import VideoFormat

_RECORD_BYTES: Final = 7  # version and flags, profile, level, depth and chroma
_FRAME_MARKER: Final = 2
_SYNC_CODE: Final = 0x498342
_RGB: Final = 7  # color_space CS_RGB


def parse_vp9_config(config: bytes) -> VideoFormat:
    """Read the body of a sequence start; raises BadConfig."""
    if len(config) < _RECORD_BYTES or config[0] != 1:
        raise BadConfig("not a VP9 configuration of version 1")
    return VideoFormat(codec="vp09", profile=config[4], level=config[5], bit_depth=config[6] >> 4)


def read_vp9_key_frame(frame: bytes) -> tuple[int, int]:
    """Width and height; raises BadConfig for what is no key frame."""
    bits = BitReader(frame)
    if bits.read(2) != _FRAME_MARKER:
        raise BadConfig("not a VP9 frame")
    profile = bits.read(1) | bits.read(1) << 1
    if profile == 3:
        bits.skip(1)
    if bits.read(2):  # show_existing_frame, frame_type
        raise BadConfig("not a VP9 key frame")
    bits.skip(2)  # show_frame, error_resilient_mode
    if bits.read(24) != _SYNC_CODE:
        raise BadConfig("a VP9 key frame without its sync code")
    _skip_colours(bits, profile)
    return bits.read(16) + 1, bits.read(16) + 1


def _skip_colours(bits: BitReader, profile: int) -> None:
    """color_config()"""
    if profile >= 2:
        bits.skip(1)  # ten_or_twelve_bit
    is_rgb = bits.read(3) == _RGB
    if not is_rgb:
        bits.skip(1)  # color_range
    if profile & 1:
        bits.skip(1 if is_rgb else 3)  # subsampling, reserved_zero
