"""Opus: the identification header (RFC 7845 §5.1), which enhanced RTMP sends as the sequence start."""

from typing import Final

from engine.media.bits import BadConfig
from engine.media.formats import AudioFormat

_MAGIC: Final = b"OpusHead"
_HEADER_BYTES: Final = 19
# Opus always decodes at 48 kHz; the header's own rate is only a memory of the source
_DECODED_RATE: Final = 48_000


def parse_opus_config(config: bytes) -> AudioFormat:
    """Read an identification header; raises BadConfig."""
    if len(config) < _HEADER_BYTES or config[:8] != _MAGIC:
        raise BadConfig("not an Opus identification header")
    return AudioFormat(codec="Opus", sample_rate=_DECODED_RATE, channels=config[9])
