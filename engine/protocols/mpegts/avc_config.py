"""AVCDecoderConfigurationRecord out of parameter sets, and back (ISO 14496-15 §5.3.3.1)."""

from typing import Final

from engine.media.bits import BadConfig, BitReader, unescape

SPS: Final = 7  # H.264 table 7-1
PPS: Final = 8
_SPS_COUNT_MASK: Final = 0x1F
# Profiles whose record ends with chroma format and bit depths. The others of the High family have no such
# rule.
_EXTENDED: Final = frozenset({100, 110, 122, 144})
_CHROMA_444: Final = 3


def encode_avc_config(sets: dict[int, list[bytes]]) -> bytes:
    """Return the record for NAL units of types 7 and 8, lengths of four bytes; raises BadConfig."""
    sequence, picture = sets[SPS], sets[PPS]
    first = sequence[0]
    if len(first) < 4:
        raise BadConfig("an SPS that ends too early")
    parts = [b"\x01", first[1:4], b"\xff", bytes((0xE0 | len(sequence),)), *map(_sized, sequence)]
    parts += [bytes((len(picture),)), *map(_sized, picture)]
    if first[1] in _EXTENDED:
        parts.append(_extension(first))
    return b"".join(parts)


def _sized(nal: bytes) -> bytes:
    return len(nal).to_bytes(2, "big") + nal


def _extension(sps: bytes) -> bytes:
    """Chroma format and bit depths, and no SPS extensions (H.264 §7.3.2.1.1)."""
    bits = BitReader(unescape(sps[4:64]))
    bits.ue()  # seq_parameter_set_id
    chroma = bits.ue()
    if chroma == _CHROMA_444:
        bits.skip(1)  # separate_colour_plane_flag
    luma, colour = bits.ue(), bits.ue()
    return bytes((0xFC | chroma & 3, 0xF8 | luma & 7, 0xF8 | colour & 7, 0))


def decode_avc_config(config: bytes) -> tuple[int, list[bytes]]:
    """Return (bytes of a NAL unit's length, parameter sets in order); raises BadConfig."""
    if len(config) < 7 or config[0] != 1:
        raise BadConfig("not an AVC configuration of version 1")
    at, units = 6, []
    for count_mask in (_SPS_COUNT_MASK, 0xFF):
        if at > len(config):
            raise BadConfig("an AVC configuration that ends too early")
        for _ in range(config[at - 1] & count_mask):
            end = at + 2 + int.from_bytes(config[at : at + 2], "big")
            if end > len(config):
                raise BadConfig("a parameter set that ends too early")
            units.append(config[at + 2 : end])
            at = end
        at += 1
    return (config[4] & 3) + 1, [unit for unit in units if unit]
