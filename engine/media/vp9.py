"""VP9: VPCodecConfigurationRecord (VP Codec ISO Media File Format Binding, §2.2). It does not tell the
picture size."""

from typing import Final

from engine.media.bits import BadConfig
from engine.media.formats import VideoFormat

_RECORD_BYTES: Final = 7  # version and flags, profile, level, depth and chroma


def parse_vp9_config(config: bytes) -> VideoFormat:
    """Read the body of a sequence start; raises BadConfig."""
    if len(config) < _RECORD_BYTES or config[0] != 1:
        raise BadConfig("not a VP9 configuration of version 1")
    return VideoFormat(codec="vp09", profile=config[4], level=config[5], bit_depth=config[6] >> 4)
