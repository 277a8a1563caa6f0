"""Tracks of H.264, HEVC, AV1 and VP9 out of their codec headers. Everything here raises BadConfig alone.

H.264 and HEVC are announced as `avc1` and `hvc1`: parameter sets stand in the sample entry. What a publisher
repeats of them inside its pictures passes as it is.
"""

from typing import Final

from engine.media.av1 import parse_av1_config
from engine.media.avc import parse_avc_config, parse_avc_vui
from engine.media.bits import BadConfig
from engine.media.formats import VideoFormat
from engine.media.hevc import parse_hevc_config, parse_hevc_vui
from engine.media.tags import KIND_VIDEO
from engine.media.vp9 import parse_vp9_config
from engine.media.vui import NO_VUI, Vui
from engine.protocols.fmp4.boxes import box
from engine.protocols.fmp4.forms import VIDEO_TIMESCALE, Track
from engine.protocols.fmp4.sample_entries import visual_entry
from engine.protocols.fmp4.shown import shown_boxes, shown_width

_HEVC_RECORD_BYTES: Final = 23  # ISO 14496-15 §8.3.3.1, up to and with numOfArrays
_VP9_RECORD_BYTES: Final = 12  # with version and flags; no initialization data (VP9-in-ISOBMFF §2.2)
_VP9_LOWEST_LEVEL: Final = 10  # 1.0; encoders that do not know write 0, which players refuse


def avc_track(config: bytes) -> Track:
    """Read an AVCDecoderConfigurationRecord; it is the content of avcC (ISO 14496-15 §5.4.2.1)."""
    described = parse_avc_config(config)
    at = _pass_sets(config, 6, config[5] & 0x1F)
    if at >= len(config):
        raise BadConfig("an AVC configuration that ends too early")
    _pass_sets(config, at + 1, config[at])
    return _track(described, f"avc1.{config[1:4].hex()}", box(b"avcC", config), vui=parse_avc_vui(config))


def hevc_track(config: bytes) -> Track:
    """Read an HEVCDecoderConfigurationRecord; it is the content of hvcC (ISO 14496-15 §8.4.1.1)."""
    described = parse_hevc_config(config)
    at = _HEVC_RECORD_BYTES
    for _ in range(config[22]):
        at = _pass_sets(config, at + 3, int.from_bytes(config[at + 1 : at + 3], "big"))
    return _track(described, _hevc_string(config), box(b"hvcC", config), vui=parse_hevc_vui(config))


def av1_track(config: bytes, keyframe: bytes) -> Track | None:
    """Read an AV1CodecConfigurationRecord (AV1-ISOBMFF §2.3.3). Its sequence header may be missing; then the
    size comes with a keyframe (b"" before there is one), and until then there is no track."""
    described = parse_av1_config(config)
    if not described.width and keyframe:
        described = parse_av1_config(config[:4] + keyframe)
    if not described.width:
        return None
    tier = "H" if config[2] & 0x80 else "M"
    codecs = f"av01.{described.profile}.{described.level:02}{tier}.{described.bit_depth:02}"
    return _track(described, codecs, box(b"av1C", config))


def vp9_track(config: bytes, size: tuple[int, int]) -> Track:
    """Read a VPCodecConfigurationRecord with version and flags before it, which is vpcC; it says no size."""
    described = parse_vp9_config(config)
    if len(config) < _VP9_RECORD_BYTES:
        raise BadConfig("a VP9 configuration that ends too early")
    level = described.level or _VP9_LOWEST_LEVEL
    codecs = f"vp09.{described.profile:02}.{level:02}.{described.bit_depth:02}"
    return _track(described, codecs, box(b"vpcC", config[:_VP9_RECORD_BYTES]), size)


def _track(
    described: VideoFormat,
    codecs: str,
    config: bytes,
    size: tuple[int, int] | None = None,
    vui: Vui = NO_VUI,
) -> Track:
    width, height = size or (described.width, described.height)
    if not 0 < width <= 0xFFFF or not 0 < height <= 0xFFFF:
        raise BadConfig(f"a picture of {width}x{height}")
    return Track(
        kind=KIND_VIDEO,
        codec=described.codec,
        codecs=codecs,
        timescale=VIDEO_TIMESCALE,
        sample_entry=visual_entry(described.codec.encode(), width, height, config + shown_boxes(vui)),
        width=width,
        height=height,
        shown_width=shown_width(vui, width),
    )


def _pass_sets(config: bytes, at: int, count: int) -> int:
    """Return where parameter sets behind lengths of 16 bits end: players stop at a record that is torn."""
    for _ in range(count):
        at += 2 + int.from_bytes(config[at : at + 2], "big")
        if at > len(config):
            raise BadConfig("a parameter set that ends too early")
    return at


def _hevc_string(config: bytes) -> str:
    """Profile, its compatibility flags with the last bit first, tier and level, and the constraint bytes
    without trailing zeros (ISO 14496-15 annex E.3)."""
    space = ("", "A", "B", "C")[config[1] >> 6]
    compatible = int(f"{int.from_bytes(config[2:6], 'big'):032b}"[::-1], 2)
    tier = "H" if config[1] & 0x20 else "L"
    constraints = "".join(f".{byte:X}" for byte in config[6:12].rstrip(b"\0"))
    return f"hvc1.{space}{config[1] & 0x1F}.{compatible:X}.{tier}{config[12]}{constraints}"
