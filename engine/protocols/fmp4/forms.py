"""The values that the parts of this package hand to each other and to the packager."""

from typing import Final, NamedTuple

import msgspec

from engine.media.tags import KIND_AUDIO

VIDEO_TIMESCALE: Final = 90_000

SYNC_SAMPLE: Final = 0x02000000  # ISO 14496-12 §8.8.3.1: depends on no other, a player may begin here
DELTA_SAMPLE: Final = 0x01010000  # depends on others, no player may


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """What an init segment and a playlist say about a track. Two headers that say the same make equal tracks.

    kind is KIND_VIDEO or KIND_AUDIO of `engine.media.tags`, codec the FourCC of `engine.media.classify`.
    """

    kind: int
    codec: str
    codecs: str
    """For CODECS in a playlist and for MediaSource (RFC 6381 and the codecs' own registrations)."""
    timescale: int
    """Ticks per second: 90,000 for video, the sample rate for audio."""
    sample_entry: bytes
    """The whole box for stsd."""
    width: int = 0
    height: int = 0
    shown_width: int = 0
    """The width where samples are not square, in pixels that are."""
    sample_rate: int = 0
    channels: int = 0
    frame_ticks: int = 0
    """Samples per audio frame where that is the same for all; 0 for Opus, whose packets say it themselves,
    and where it is not known."""
    lead_ticks: int = 0
    """Ticks of media time before the first that is heard: the pre-skip of Opus. All media times are later by
    so much than what is heard there."""


class Sample(NamedTuple):
    """A frame as it stands in the file.

    key: a decoder may begin with it. track_key: `Tracks.version` when it was taken, so that a frame that was
    held back is known to belong to the tracks before a change.
    """

    kind: int
    dts_us: int
    pts_us: int
    key: bool
    data: bytes
    track_key: int = 0


def video_ticks(us: int) -> int:
    """Round microseconds to ticks of 90 kHz."""
    return (us * 9 + 50) // 100


def audio_track(
    codec: str,
    codecs: str,
    sample_entry: bytes,
    sample_rate: int,
    channels: int,
    frame_ticks: int,
    lead_ticks: int = 0,
) -> Track:
    """Return a track whose ticks are samples."""
    return Track(
        kind=KIND_AUDIO,
        codec=codec,
        codecs=codecs,
        timescale=sample_rate,
        sample_entry=sample_entry,
        sample_rate=sample_rate,
        channels=channels,
        frame_ticks=frame_ticks,
        lead_ticks=lead_ticks,
    )
