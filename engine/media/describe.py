"""From a codec header to a VideoFormat or AudioFormat, whatever the codec."""

from collections.abc import Callable
from typing import Final

from engine.media.aac import parse_aac_config
from engine.media.av1 import parse_av1_config
from engine.media.avc import parse_avc_config
from engine.media.bits import BadConfig
from engine.media.flac import parse_flac_config
from engine.media.formats import AudioFormat, VideoFormat
from engine.media.hevc import parse_hevc_config
from engine.media.opus import parse_opus_config
from engine.media.vp9 import parse_vp9_config

_PARSERS: Final[dict[str, Callable[[bytes], VideoFormat | AudioFormat]]] = {
    "avc1": parse_avc_config,
    "hvc1": parse_hevc_config,
    "av01": parse_av1_config,
    "vp09": parse_vp9_config,
    "mp4a": parse_aac_config,
    "Opus": parse_opus_config,
    "fLaC": parse_flac_config,
}


def describe(codec: str, config: bytes) -> VideoFormat | AudioFormat | None:
    """Read a decoder configuration. None when the codec's header is not read here or does not parse."""
    parser = _PARSERS.get(codec)
    if parser is None:
        return None
    try:
        return parser(config)
    except BadConfig:
        return None


def codec_number(codec: str) -> int:
    """Return a FourCC as the integer that stands in shared memory (0 for none)."""
    return int.from_bytes(codec.encode("latin-1"), "big")


def codec_name(number: int) -> str:
    """Undo `codec_number`."""
    return number.to_bytes(4, "big").decode("latin-1") if number else ""
