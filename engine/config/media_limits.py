"""What may be limited about the media that somebody publishes: the same by path and by key."""

from typing import Annotated

from msgspec import Meta

from engine.config.section import Section


class MediaLimits(Section, frozen=True, kw_only=True):
    """0, or an empty text: no limit."""

    max_bitrate_bps: Annotated[int, Meta(ge=0, le=10_000_000_000)] = 0
    max_frame_rate: Annotated[float, Meta(ge=0, le=1000)] = 0.0
    max_width: Annotated[int, Meta(ge=0, le=65_536)] = 0
    max_height: Annotated[int, Meta(ge=0, le=65_536)] = 0
    max_keyframe_interval_s: Annotated[float, Meta(ge=0, le=3600)] = 0.0
    allowed_codecs: Annotated[str, Meta(max_length=256, pattern=r"^[a-z0-9,]*$")] = ""
    """Words divided by commas: engine.media.codec_words."""
    max_session_s: Annotated[float, Meta(ge=0, le=31_536_000)] = 0.0


NO_LIMITS = MediaLimits()
