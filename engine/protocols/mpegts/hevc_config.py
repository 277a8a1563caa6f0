"""HEVCDecoderConfigurationRecord out of parameter sets, and back (ISO 14496-15 §8.3.3.1)."""

from struct import Struct
from typing import Final

from engine.media.bits import BadConfig, BitReader, unescape

VPS: Final = 32  # H.265 table 7-1
SPS: Final = 33
PPS: Final = 34
_PROFILE_BYTES: Final = 12  # profile_tier_level up to and with general_level_idc (H.265 §7.3.3)
_CHROMA_444: Final = 3
# version, profile to level, segmentation, parallelism, chroma, luma depth, colour depth, frame rate, layers
# and lengths, arrays
_RECORD: Final = Struct(f">B{_PROFILE_BYTES}sHBBBBHBB")
_COMPLETE: Final = 0x80  # array_completeness: no sets of this type come in the stream
_LENGTHS_OF_4: Final = 3


def encode_hevc_config(sets: dict[int, list[bytes]]) -> bytes:
    """Return the record for NAL units of types 32 to 34, lengths of four bytes; raises BadConfig."""
    bits = BitReader(unescape(sets[SPS][0][2:]))
    bits.skip(4)  # sps_video_parameter_set_id
    sub_layers, nested = bits.read(3), bits.read(1)
    profile = bits.read(8 * _PROFILE_BYTES).to_bytes(_PROFILE_BYTES, "big")
    chroma, luma, colour = _formats(bits, sub_layers)
    layers = (sub_layers + 1) << 3 | nested << 2 | _LENGTHS_OF_4
    parts = [
        _RECORD.pack(
            1, profile, 0xF000, 0xFC, 0xFC | chroma, 0xF8 | luma & 7, 0xF8 | colour & 7, 0, layers & 0xFF, 3
        )
    ]
    for kind in (VPS, SPS, PPS):
        parts.append(bytes((_COMPLETE | kind,)) + len(sets[kind]).to_bytes(2, "big"))
        parts += [len(nal).to_bytes(2, "big") + nal for nal in sets[kind]]
    return b"".join(parts)


def _formats(bits: BitReader, sub_layers: int) -> tuple[int, int, int]:
    """Return chroma format and the two bit depths less 8, from behind the level (H.265 §7.3.2.2)."""
    present = [(bits.flag(), bits.flag()) for _ in range(sub_layers)]
    if sub_layers:
        bits.skip(2 * (8 - sub_layers))
    for has_profile, has_level in present:
        bits.skip(88 * has_profile + 8 * has_level)
    bits.ue()  # sps_seq_parameter_set_id
    chroma = bits.ue()
    if chroma > _CHROMA_444:
        raise BadConfig(f"chroma format {chroma}")
    if chroma == _CHROMA_444:
        bits.skip(1)  # separate_colour_plane_flag
    bits.ue()  # width
    bits.ue()  # height
    if bits.flag():
        for _ in range(4):
            bits.ue()  # conformance window
    return chroma, bits.ue(), bits.ue()


def decode_hevc_config(config: bytes) -> tuple[int, list[bytes]]:
    """Return (bytes of a NAL unit's length, parameter sets in order); raises BadConfig."""
    if len(config) < _RECORD.size:
        raise BadConfig("an HEVC configuration that ends too early")
    at, units = _RECORD.size, []
    for _ in range(config[_RECORD.size - 1]):
        count = int.from_bytes(config[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            end = at + 2 + int.from_bytes(config[at : at + 2], "big")
            if end > len(config):
                raise BadConfig("a parameter set that ends too early")
            units.append(config[at + 2 : end])
            at = end
    return (config[21] & 3) + 1, [unit for unit in units if unit]
