"""H.265: HEVCDecoderConfigurationRecord (ISO 14496-15 §8.3.3.1) and the picture size in its SPS (H.265
§7.3.2.2)."""

from collections.abc import Iterator
from typing import Final

from engine.media.bits import BadConfig, BitReader, unescape
from engine.media.formats import VideoFormat
from engine.media.hevc_sps import skip_to_vui
from engine.media.vui import NO_VUI, Vui, read_vui

_RECORD_BYTES: Final = 23  # fixed part, up to and with numOfArrays
_NAL_SPS: Final = 33  # H.265 table 7-1
_CROP_UNITS: Final = {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}  # H.265 table 6-1


def parse_hevc_config(config: bytes) -> VideoFormat:
    """Read the record of a sequence header; raises BadConfig."""
    if len(config) < _RECORD_BYTES:
        raise BadConfig("an HEVC configuration that ends too early")
    profile, level = config[1] & 0x1F, config[12]
    for kind, nal in _parameter_sets(config):
        if kind == _NAL_SPS:
            return parse_sps(nal, profile=profile, level=level)
    raise BadConfig("an HEVC configuration without SPS")


def parse_hevc_vui(config: bytes) -> Vui:
    """Say how the pictures of a sequence header are shown, as far as that can be read."""
    if len(config) < _RECORD_BYTES:
        return NO_VUI
    try:
        sps = next(nal for kind, nal in _parameter_sets(config) if kind == _NAL_SPS)
        bits = BitReader(unescape(sps[2:]))
        _, sub_layers = _read_sps(bits, 0, 0)
        skip_to_vui(bits, sub_layers)
        return read_vui(bits) if bits.flag() else NO_VUI
    except (BadConfig, StopIteration):  # the size is there without it, and players can do without this
        return NO_VUI


def _parameter_sets(config: bytes) -> Iterator[tuple[int, bytes]]:
    """Walk the arrays of parameter sets: (NAL type, NAL unit)."""
    at = _RECORD_BYTES
    for _ in range(config[22]):
        if at + 3 > len(config):
            raise BadConfig("an array of parameter sets that ends too early")
        kind, count = config[at] & 0x3F, int.from_bytes(config[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            length = int.from_bytes(config[at : at + 2], "big")
            at += 2 + length
            if at > len(config):
                raise BadConfig("a parameter set that ends too early")
            yield kind, config[at - length : at]


def parse_sps(sps: bytes, *, profile: int = 0, level: int = 0) -> VideoFormat:
    """Read a sequence parameter set with its two NAL header bytes; raises BadConfig."""
    return _read_sps(BitReader(unescape(sps[2:])), profile, level)[0]


def _read_sps(bits: BitReader, profile: int, level: int) -> tuple[VideoFormat, int]:
    """Read as far as bit_depth_luma_minus8; also sps_max_sub_layers_minus1."""
    bits.skip(4)  # sps_video_parameter_set_id
    sub_layers = bits.read(3)
    bits.skip(1)  # sps_temporal_id_nesting_flag
    _skip_profile_tier_level(bits, sub_layers)
    bits.ue()  # sps_seq_parameter_set_id
    width, height = _size(bits)
    bit_depth = bits.ue() + 8
    described = VideoFormat(
        codec="hvc1", profile=profile, level=level, width=width, height=height, bit_depth=bit_depth
    )
    return described, sub_layers


def _skip_profile_tier_level(bits: BitReader, sub_layers: int) -> None:
    """H.265 §7.3.3 with profilePresentFlag: 88 bits of profile, 8 of level, then what each sub-layer
    announces."""
    bits.skip(96)
    present = [(bits.flag(), bits.flag()) for _ in range(sub_layers)]
    if sub_layers:
        bits.skip(2 * (8 - sub_layers))
    for has_profile, has_level in present:
        bits.skip(88 * has_profile + 8 * has_level)


def _size(bits: BitReader) -> tuple[int, int]:
    """Return (width, height) inside the conformance window."""
    chroma = bits.ue()
    if chroma not in _CROP_UNITS:
        raise BadConfig(f"chroma format {chroma}")
    if chroma == 3:
        bits.skip(1)  # separate_colour_plane_flag
    width, height = bits.ue(), bits.ue()
    if bits.flag():
        unit_x, unit_y = _CROP_UNITS[chroma]
        width -= unit_x * (bits.ue() + bits.ue())
        height -= unit_y * (bits.ue() + bits.ue())
    if not 0 < width <= 0xFFFF or not 0 < height <= 0xFFFF:
        raise BadConfig(f"a picture of {width}x{height}")
    return width, height
