"""H.264: AVCDecoderConfigurationRecord (ISO 14496-15 §5.3.3.1) and the picture size in its SPS (H.264
§7.3.2.1.1)."""

from typing import Final

from engine.media.bits import BadConfig, BitReader, unescape
from engine.media.formats import VideoFormat
from engine.media.vui import NO_VUI, Vui, read_vui

# Profiles whose SPS carries chroma format, bit depth and scaling lists (H.264 §7.3.2.1.1).
_HIGH_PROFILES: Final = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_MAX_REFERENCE_CYCLE: Final = 255  # num_ref_frames_in_pic_order_cnt_cycle, H.264 §7.4.2.1.1


def parse_avc_config(config: bytes) -> VideoFormat:
    """Read the record of a sequence header; raises BadConfig."""
    if len(config) < 8 or config[0] != 1:
        raise BadConfig("not an AVC configuration of version 1")
    if not config[5] & 0x1F:
        raise BadConfig("an AVC configuration without SPS")
    length = int.from_bytes(config[6:8], "big")
    return parse_sps(config[8 : 8 + length])


def parse_avc_vui(config: bytes) -> Vui:
    """Say how the pictures of a sequence header are shown, as far as that can be read."""
    try:
        bits = BitReader(unescape(config[9 : 8 + int.from_bytes(config[6:8], "big")]))
        _read_sps(bits)
        return read_vui(bits) if bits.flag() else NO_VUI
    except BadConfig:  # the size is there without it, and players can do without this
        return NO_VUI


def parse_sps(sps: bytes) -> VideoFormat:
    """Read a sequence parameter set with its NAL header byte; raises BadConfig."""
    return _read_sps(BitReader(unescape(sps[1:])))


def _read_sps(bits: BitReader) -> VideoFormat:
    """Read as far as vui_parameters_present_flag."""
    profile, _constraints, level = bits.read(8), bits.read(8), bits.read(8)
    bits.ue()  # seq_parameter_set_id
    chroma, bit_depth = _chroma_and_depth(bits) if profile in _HIGH_PROFILES else (1, 8)
    _skip_to_size(bits)
    width, height = _size(bits, chroma)
    return VideoFormat(
        codec="avc1", profile=profile, level=level, width=width, height=height, bit_depth=bit_depth
    )


def _chroma_and_depth(bits: BitReader) -> tuple[int, int]:
    """Return (ChromaArrayType, luma bit depth) and pass over the scaling lists."""
    chroma = bits.ue()
    separate_planes = chroma == 3 and bits.flag()
    bit_depth = bits.ue() + 8
    bits.ue()  # bit_depth_chroma_minus8
    bits.skip(1)  # qpprime_y_zero_transform_bypass_flag
    if bits.flag():
        for index in range(12 if chroma == 3 else 8):
            if bits.flag():
                _skip_scaling_list(bits, 16 if index < 6 else 64)
    return (0 if separate_planes else chroma), bit_depth


def _skip_scaling_list(bits: BitReader, size: int) -> None:
    """H.264 §7.3.2.1.1.1: a delta is present only while the next scale is not zero."""
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _skip_to_size(bits: BitReader) -> None:
    bits.ue()  # log2_max_frame_num_minus4
    order_type = bits.ue()
    if order_type == 0:
        bits.ue()  # log2_max_pic_order_cnt_lsb_minus4
    elif order_type == 1:
        _skip_order_cycle(bits)
    bits.ue()  # max_num_ref_frames
    bits.skip(1)  # gaps_in_frame_num_value_allowed_flag


def _skip_order_cycle(bits: BitReader) -> None:
    bits.skip(1)  # delta_pic_order_always_zero_flag
    bits.se()  # offset_for_non_ref_pic
    bits.se()  # offset_for_top_to_bottom_field
    count = bits.ue()
    if count > _MAX_REFERENCE_CYCLE:
        raise BadConfig("a picture order cycle of more than 255 frames")
    for _ in range(count):
        bits.se()


def _size(bits: BitReader, chroma: int) -> tuple[int, int]:
    """Return (width, height) after cropping; the crop unit depends on chroma and fields (H.264
    §7.4.2.1.1)."""
    width_mbs, height_units = bits.ue() + 1, bits.ue() + 1
    frames_only = bits.read(1)
    if not frames_only:
        bits.skip(1)  # mb_adaptive_frame_field_flag
    bits.skip(1)  # direct_8x8_inference_flag
    left, right, top, bottom = (bits.ue(), bits.ue(), bits.ue(), bits.ue()) if bits.flag() else (0, 0, 0, 0)
    crop_x = 2 if chroma in (1, 2) else 1
    crop_y = (2 if chroma == 1 else 1) * (2 - frames_only)
    width = width_mbs * 16 - crop_x * (left + right)
    height = height_units * 16 * (2 - frames_only) - crop_y * (top + bottom)
    return _sane(width, height)


def _sane(width: int, height: int) -> tuple[int, int]:
    if not 0 < width <= 0xFFFF or not 0 < height <= 0xFFFF:
        raise BadConfig(f"a picture of {width}x{height}")
    return width, height
