"""FLAC: the STREAMINFO block (RFC 9639 §8.2), bare as ffmpeg sends it or with marker and block header before
it."""

from typing import Final

from engine.media.bits import BadConfig, BitReader
from engine.media.formats import AudioFormat

_MARKER: Final = b"fLaC"
_BLOCK_HEADER_BYTES: Final = 4
_STREAMINFO_BYTES: Final = 34


def parse_flac_config(config: bytes) -> AudioFormat:
    """Read the body of a sequence start; raises BadConfig."""
    if config.startswith(_MARKER):
        config = config[len(_MARKER) + _BLOCK_HEADER_BYTES :]
    if len(config) < _STREAMINFO_BYTES:
        raise BadConfig("a STREAMINFO block that ends too early")
    bits = BitReader(config[10:14])  # after block and frame sizes
    return AudioFormat(codec="fLaC", sample_rate=bits.read(20), channels=bits.read(3) + 1)
