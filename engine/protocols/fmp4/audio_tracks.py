"""Tracks of AAC, Opus and FLAC out of their codec headers. Everything here raises BadConfig alone."""

from struct import Struct
from typing import Final

from engine.media.aac import parse_aac_config
from engine.media.bits import BadConfig, BitReader
from engine.media.flac import parse_flac_config
from engine.media.opus import parse_opus_config
from engine.protocols.fmp4.boxes import box, full_box
from engine.protocols.fmp4.forms import Track, audio_track
from engine.protocols.fmp4.sample_entries import audio_entry, esds

_OBJECT_AAC: Final = 0x40  # ISO 14496-1 table 5
_USUAL_CHANNELS: Final = 2  # where only the frames tell

_SBR_TYPES: Final = frozenset({5, 29})  # audio object types (ISO 14496-3 table 1.17): SBR, PS
# Those with GASpecificConfig, whose first bit chooses between two frame lengths (ISO 14496-3 §4.4.1,
# §4.5.1.1)
_GENERAL: Final = dict.fromkeys((1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22), (1024, 960)) | {23: (512, 480)}
_EXPLICIT_RATE: Final = 15  # ISO 14496-3 §1.6.2.1
_ESCAPE: Final = 31

_OPUS_HEAD: Final = Struct("<8sBBHIhB")  # RFC 7845 §5.1
_OPUS_BOX: Final = Struct(">BBHIhB")  # Opus-in-ISOBMFF §4.3.2
_MAX_PLAIN_CHANNELS: Final = 2  # RFC 7845 §5.1.1.1

_STREAMINFO_BYTES: Final = 34  # RFC 9639 §8.2
_UNSAID_BYTES: Final = 20  # the rest of the number of samples, and the MD5 sum
_LAST_STREAMINFO: Final = b"\x80" + _STREAMINFO_BYTES.to_bytes(3, "big")


def aac_track(config: bytes) -> Track:
    """Read an AudioSpecificConfig; it is the DecoderSpecificInfo of esds."""
    described = parse_aac_config(config)
    rate, channels = _sane_rate(described.sample_rate), described.channels or _USUAL_CHANNELS
    if not described.profile:
        raise BadConfig("AAC of object type 0")
    return audio_track(
        "mp4a",
        f"mp4a.40.{described.profile}",
        audio_entry(b"mp4a", rate, channels, esds(_OBJECT_AAC, config)),
        rate,
        channels,
        _aac_frame(config),
    )


def opus_track(head: bytes) -> Track:
    """Read an OpusHead and write dOps: the same fields, but big-endian and version 0."""
    rate = parse_opus_config(head).sample_rate
    _, _, channels, pre_skip, input_rate, gain, family = _OPUS_HEAD.unpack_from(head)
    mapping = b""
    if family:
        mapping = head[_OPUS_HEAD.size : _OPUS_HEAD.size + 2 + channels]
        if len(mapping) < 2 + channels:
            raise BadConfig("an Opus channel mapping that ends too early")
    if not channels or (not family and channels > _MAX_PLAIN_CHANNELS):
        raise BadConfig(f"Opus of {channels} channels in mapping family {family}")
    config = box(b"dOps", _OPUS_BOX.pack(0, channels, pre_skip, input_rate, gain, family), mapping)
    entry = audio_entry(b"Opus", rate, channels, config)
    return audio_track("Opus", "opus", entry, rate, channels, 0, lead_ticks=pre_skip)


def flac_track(config: bytes) -> Track:
    """Read STREAMINFO and write dfLa with it alone (FLAC-in-ISOBMFF §3.3.2).

    The frame length is known where the smallest and the largest are the same. What is only known of a film
    that is over, sizes and a checksum, is left unsaid, as encoders that send it all in the end do first.
    """
    described = parse_flac_config(config)
    info = config[8:] if config.startswith(b"fLaC") else config
    rate, channels = _sane_rate(described.sample_rate), described.channels
    smallest, largest = int.from_bytes(info[0:2], "big"), int.from_bytes(info[2:4], "big")
    bits = ((info[12] & 1) << 4 | info[13] >> 4) + 1
    kept = info[:4] + bytes(6) + info[10:13] + bytes((info[13] & 0xF0,)) + bytes(_UNSAID_BYTES)
    entry = audio_entry(b"fLaC", rate, channels, full_box(b"dfLa", 0, 0, _LAST_STREAMINFO, kept), bits=bits)
    return audio_track("fLaC", "fLaC", entry, rate, channels, largest if smallest == largest else 0)


def _sane_rate(rate: int) -> int:
    if not rate:
        raise BadConfig("audio of 0 samples per second")
    return rate


def _aac_frame(config: bytes) -> int:
    """Return the samples per frame at the rate that is heard, which SBR doubles unless it says the same rate
    once more. 0 where the frame length is not known."""
    bits = BitReader(config)
    object_type, rate, factor = _object_type(bits), _rate(bits), 1
    bits.skip(4)  # channels
    if object_type in _SBR_TYPES:
        factor = 2 if _rate(bits) != rate else 1
        object_type = _object_type(bits)
    lengths = _GENERAL.get(object_type)
    return lengths[bits.read(1)] * factor if lengths else 0


def _object_type(bits: BitReader) -> int:
    object_type = bits.read(5)
    return 32 + bits.read(6) if object_type == _ESCAPE else object_type


def _rate(bits: BitReader) -> int:
    """Return an index or a rate, whichever is there; only good to be compared."""
    index = bits.read(4)
    return bits.read(24) if index == _EXPLICIT_RATE else index
