"""From a codec header to a VideoFormat or AudioFormat, whatever the codec; and from a key frame to the size
of its picture, where codecs tell it there."""

from collections.abc import Callable
from typing import Final

from engine.media.aac import parse_aac_config
from engine.media.av1 import parse_av1_config, read_av1_key_frame
from engine.media.avc import parse_avc_config
from engine.media.bits import BadConfig
from engine.media.flac import parse_flac_config
from engine.media.formats import AudioFormat, VideoFormat
from engine.media.hevc import parse_hevc_config
from engine.media.opus import parse_opus_config
from engine.media.vp8 import read_vp8_key_frame
from engine.media.vp9 import parse_vp9_config, read_vp9_key_frame

_PARSERS: Final[dict[str, Callable[[bytes], VideoFormat | AudioFormat]]] = {
    "avc1": parse_avc_config,
    "hvc1": parse_hevc_config,
    "av01": parse_av1_config,
    "vp09": parse_vp9_config,
    "mp4a": parse_aac_config,
    "Opus": parse_opus_config,
    "fLaC": parse_flac_config,
}

_KEY_FRAME_READERS: Final[dict[str, Callable[[bytes], tuple[int, int]]]] = {
    "av01": read_av1_key_frame,
    "vp08": read_vp8_key_frame,
    "vp09": read_vp9_key_frame,
}

KEY_FRAME_BYTES: Final = 256
"""How much of a key frame may have to be read: sizes stand in VP8's first 10 bytes and VP9's first 11; AV1's
sequence headers take some 15 behind a temporal delimiter, or some dozens with operating points."""


def describe(codec: str, config: bytes) -> VideoFormat | AudioFormat | None:
    """Read a decoder configuration. None when the codec's header is not read here or does not parse."""
    parser = _PARSERS.get(codec)
    if parser is None:
        return None
    try:
        return parser(config)
    except BadConfig:
        return None


def size_in_key_frame(codec: str, frame: bytes) -> tuple[int, int]:
    """Read width and height from the first KEY_FRAME_BYTES of a key frame; zeros where it does not tell."""
    reader = _KEY_FRAME_READERS.get(codec)
    try:
        return reader(frame) if reader is not None else (0, 0)
    except BadConfig:
        return 0, 0


def codec_number(codec: str) -> int:
    """Return a FourCC as the integer that stands in shared memory (0 for none)."""
    return int.from_bytes(codec.encode("latin-1"), "big")


def codec_name(number: int) -> str:
    """Undo `codec_number`."""
    return number.to_bytes(4, "big").decode("latin-1") if number else ""
