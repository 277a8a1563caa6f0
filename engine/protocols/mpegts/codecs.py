"""Which elementary streams we know: stream types and descriptors on one side, FourCCs on the other.

Stream types are from ISO 13818-1 table 2-34, and ATSC A/53 for AC-3. Private data (6) says what it is in its
descriptors: a registration (SMPTE's list), or DVB's own for AC-3 (EN 300 468 annex D).
"""

from collections.abc import Iterator
from enum import Enum
from typing import Final, NamedTuple

from engine.media.tags import KIND_AUDIO, KIND_VIDEO


class Codec(Enum):
    """A coding and how it is packed: FLV kind, FourCC."""

    AVC = (KIND_VIDEO, "avc1", "Annex B")
    HEVC = (KIND_VIDEO, "hvc1", "Annex B")
    AAC_ADTS = (KIND_AUDIO, "mp4a", "ADTS")
    AAC_LATM = (KIND_AUDIO, "mp4a", "LATM")
    MP3 = (KIND_AUDIO, ".mp3", "frames")
    OPUS = (KIND_AUDIO, "Opus", "control headers")
    AC3 = (KIND_AUDIO, "ac-3", "frames")

    @property
    def kind(self) -> int:
        return self.value[0]

    @property
    def fourcc(self) -> str:
        return self.value[1]


class Descriptor(NamedTuple):
    """One descriptor of a table: its tag and what it says."""

    tag: int
    data: bytes


STREAM_TYPES: Final = {
    0x03: Codec.MP3,
    0x04: Codec.MP3,
    0x0F: Codec.AAC_ADTS,
    0x11: Codec.AAC_LATM,
    0x1B: Codec.AVC,
    0x24: Codec.HEVC,
    0x81: Codec.AC3,
}
PRIVATE_DATA: Final = 0x06
_REGISTRATIONS: Final = {b"Opus": Codec.OPUS, b"AC-3": Codec.AC3, b"HEVC": Codec.HEVC}

REGISTRATION: Final = 0x05
LANGUAGE: Final = 0x0A
_DVB_AC3: Final = 0x6A
DVB_EXTENSION: Final = 0x7F
OPUS_EXTENSION: Final = 0x80  # descriptor_tag_extension, of the range for users (EN 300 468 §6.3)


def walk_descriptors(data: bytes) -> Iterator[Descriptor]:
    """Walk a loop of descriptors; a torn one ends it."""
    at = 0
    while at + 2 <= len(data):
        end = at + 2 + data[at + 1]
        if end > len(data):
            return
        yield Descriptor(data[at], data[at + 2 : end])
        at = end


def encode_descriptor(tag: int, data: bytes) -> bytes:
    return bytes((tag, len(data))) + data


def codec_of(stream_type: int, descriptors: tuple[Descriptor, ...]) -> Codec | None:
    """Name the codec of an elementary stream; None if it is not one of ours."""
    if stream_type != PRIVATE_DATA:
        return STREAM_TYPES.get(stream_type)
    for descriptor in descriptors:
        if descriptor.tag == REGISTRATION and (codec := _REGISTRATIONS.get(descriptor.data[:4])):
            return codec
        if descriptor.tag == _DVB_AC3:
            return Codec.AC3
    return None


def language_of(descriptors: tuple[Descriptor, ...]) -> str:
    """Return the three letters of ISO 639, or ""."""
    for descriptor in descriptors:
        code = descriptor.data[:3]
        if descriptor.tag == LANGUAGE and len(code) == 3 and code.isalpha():
            return code.decode("ascii").lower()
    return ""


def opus_channels_of(descriptors: tuple[Descriptor, ...]) -> int:
    """Return Opus' channel_config_code, stereo if it is not said."""
    for descriptor in descriptors:
        if descriptor.tag == DVB_EXTENSION and descriptor.data[:1] == bytes((OPUS_EXTENSION,)):
            return descriptor.data[1] if len(descriptor.data) > 1 else 2
    return 2
