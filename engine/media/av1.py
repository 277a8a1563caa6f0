"""AV1: the av1C record (AV1-ISOBMFF §2.3.3) and the frame size in its sequence header OBU (AV1 §5.5), which
key frames begin with, too."""

from collections.abc import Iterator
from typing import Final

from engine.media.bits import BadConfig, BitReader
from engine.media.formats import VideoFormat

_MARKER_AND_VERSION: Final = 0x81
_OBU_SEQUENCE_HEADER: Final = 1  # AV1 §6.2.2
_MAX_LEB128_BYTES: Final = 8  # AV1 §4.10.5


def parse_av1_config(config: bytes) -> VideoFormat:
    """Read the record of a sequence start; raises BadConfig. Without a sequence header OBU the size is
    unknown (0)."""
    if len(config) < 4 or config[0] != _MARKER_AND_VERSION:
        raise BadConfig("not an AV1 configuration of version 1")
    profile, level = config[1] >> 5, config[1] & 0x1F
    bit_depth = (12 if config[2] & 0x20 else 10) if config[2] & 0x40 else 8
    width = height = 0
    for kind, payload in _units(config[4:]):
        if kind == _OBU_SEQUENCE_HEADER:
            width, height = _frame_size(BitReader(payload))
    return VideoFormat(
        codec="av01", profile=profile, level=level, width=width, height=height, bit_depth=bit_depth
    )


def read_av1_key_frame(frame: bytes) -> tuple[int, int]:
    """Width and height; raises BadConfig for what has no sequence header before anything long."""
    for kind, payload in _units(frame):
        if kind == _OBU_SEQUENCE_HEADER:
            return _frame_size(BitReader(payload))
    raise BadConfig("no sequence header")


def _units(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Walk the OBUs: (type, payload)."""
    at = 0
    while at < len(data):
        header = data[at]
        at += 2 if header & 0x04 else 1  # obu_extension_flag
        size = len(data) - at
        if header & 0x02:  # obu_has_size_field
            size, at = _leb128(data, at)
        if size < 0 or at + size > len(data):
            raise BadConfig("an OBU that ends too early")
        yield header >> 3 & 0x0F, data[at : at + size]
        at += size


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(data[at : at + _MAX_LEB128_BYTES]):
        value |= (byte & 0x7F) << 7 * index
        if not byte & 0x80:
            return value, at + index + 1
    raise BadConfig("a size without end")


def _frame_size(bits: BitReader) -> tuple[int, int]:
    """Read sequence_header_obu() as far as max_frame_height_minus_1."""
    bits.skip(4)  # seq_profile, still_picture
    if bits.flag():  # reduced_still_picture_header
        bits.skip(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits.read(4) + 1, bits.read(4) + 1
    return bits.read(width_bits) + 1, bits.read(height_bits) + 1


def _skip_operating_points(bits: BitReader) -> None:
    has_decoder_model, delay_bits = False, 0
    if bits.flag():  # timing_info_present_flag
        has_decoder_model, delay_bits = _skip_timing(bits)
    has_initial_delay = bits.flag()
    for _ in range(bits.read(5) + 1):
        bits.skip(12)  # operating_point_idc
        if bits.read(5) > 7:  # seq_level_idx; above 7 a tier follows
            bits.skip(1)
        if has_decoder_model and bits.flag():
            bits.skip(2 * delay_bits + 1)  # operating_parameters_info
        if has_initial_delay and bits.flag():
            bits.skip(4)


def _skip_timing(bits: BitReader) -> tuple[bool, int]:
    """Return (decoder model present, bits of a buffer delay)."""
    bits.skip(64)  # num_units_in_display_tick, time_scale
    if bits.flag():  # equal_picture_interval
        bits.uvlc()
    if not bits.flag():  # decoder_model_info_present_flag
        return False, 0
    delay_bits = bits.read(5) + 1
    bits.skip(32 + 5 + 5)
    return True, delay_bits
