"""What a codec header tells about a track, for the API and the metrics only. Nothing in the media path needs
it."""

import msgspec


class VideoFormat(msgspec.Struct, frozen=True, kw_only=True):
    """A video track: codec FourCC, profile and level as the codec numbers them, picture size in pixels (0
    unknown)."""

    codec: str
    profile: int = 0
    level: int = 0
    width: int = 0
    height: int = 0
    bit_depth: int = 8


class AudioFormat(msgspec.Struct, frozen=True, kw_only=True):
    """An audio track: codec FourCC, profile (AAC object type), samples per second and channels (0
    unknown)."""

    codec: str
    profile: int = 0
    sample_rate: int = 0
    channels: int = 0
