"""One class per way in which a track becomes known and its frames become samples.

A source belongs to one codec header (b"" for codecs without). Its constructor raises BadConfig for a header
that cannot be written; `sample` never raises, and returns None for a frame that cannot be. `track` is None
until the track is known, and may change with a frame.
"""

from collections.abc import Callable
from typing import Final, Protocol

from engine.media.bits import BadConfig
from engine.media.tags import KIND_AUDIO, KIND_VIDEO
from engine.protocols.fmp4.audio_tracks import aac_track, flac_track, opus_track
from engine.protocols.fmp4.forms import Track
from engine.protocols.fmp4.frame_headers import (
    Ac3Header,
    opus_samples,
    read_ac3,
    read_eac3,
    read_mp3,
    read_vp9_size,
)
from engine.protocols.fmp4.headerless import ac3_track, eac3_track, mp3_track
from engine.protocols.fmp4.nal_units import whole_units
from engine.protocols.fmp4.video_tracks import av1_track, avc_track, hevc_track, vp9_track

_TEMPORAL_DELIMITER: Final = b"\x12\x00"  # AV1 §5.6
_AVC_LENGTHS_AT: Final = 4  # ISO 14496-15 §5.3.3.1, lengthSizeMinusOne
_HEVC_LENGTHS_AT: Final = 21  # ISO 14496-15 §8.3.3.1


class Source(Protocol):
    """What all of them are."""

    track: Track | None

    def sample(self, payload: bytes, key: bool) -> bytes | None:
        """Return what stands in the file for a frame."""
        ...


class NalSource:
    """H.264 and HEVC."""

    def __init__(self, track: Track, length_bytes: int) -> None:
        self.track: Track | None = track
        self._length_bytes = length_bytes

    @classmethod
    def avc(cls, config: bytes) -> "NalSource":
        return cls(avc_track(config), (config[_AVC_LENGTHS_AT] & 3) + 1)

    @classmethod
    def hevc(cls, config: bytes) -> "NalSource":
        return cls(hevc_track(config), (config[_HEVC_LENGTHS_AT] & 3) + 1)

    def sample(self, payload: bytes, key: bool) -> bytes | None:
        return whole_units(payload, self._length_bytes)


class Av1Source:
    """AV1. Samples have no temporal delimiter (AV1-ISOBMFF §2.4)."""

    def __init__(self, config: bytes) -> None:
        self.track = av1_track(config, b"")
        self._config = config

    def sample(self, payload: bytes, key: bool) -> bytes | None:
        if self.track is None and key:
            self._learn(payload)
        if self.track is None:
            return None
        return payload.removeprefix(_TEMPORAL_DELIMITER) or None

    def _learn(self, keyframe: bytes) -> None:
        try:
            self.track = av1_track(self._config, keyframe)
        except BadConfig:
            return


class Vp9Source:
    """VP9, whose size stands in its key frames and may change with each."""

    def __init__(self, config: bytes) -> None:
        self.track: Track | None = None
        self._config = config
        self._size = (0, 0)
        vp9_track(config, (1, 1))  # whether it can be written at all

    def sample(self, payload: bytes, key: bool) -> bytes | None:
        if key:
            self._learn(payload)
        return payload if self.track is not None else None

    def _learn(self, keyframe: bytes) -> None:
        try:
            size = read_vp9_size(keyframe)
        except BadConfig:
            return
        if size != self._size:
            self.track, self._size = vp9_track(self._config, size), size


class PlainSource:
    """AAC and FLAC: frames pass as they are."""

    def __init__(self, track: Track) -> None:
        self.track: Track | None = track

    @classmethod
    def aac(cls, config: bytes) -> "PlainSource":
        return cls(aac_track(config))

    @classmethod
    def flac(cls, config: bytes) -> "PlainSource":
        return cls(flac_track(config))

    def sample(self, payload: bytes, key: bool) -> bytes | None:
        return payload


class OpusSource:
    """Opus: packets must tell how long they are, because their times are made of that."""

    def __init__(self, config: bytes) -> None:
        self.track: Track | None = opus_track(config)

    def sample(self, payload: bytes, key: bool) -> bytes | None:
        return payload if opus_samples(payload) else None


class Mp3Source:
    """MP3. The header is read where it differs in what makes the track."""

    _MASK: Final = 0xFFFE0CC0  # sync, version, layer, rate, mode

    def __init__(self) -> None:
        self.track: Track | None = None
        self._word = -1

    def sample(self, payload: bytes, key: bool) -> bytes | None:
        word = int.from_bytes(payload[:4], "big") & self._MASK
        if word != self._word:
            try:
                self.track = mp3_track(read_mp3(payload))
            except BadConfig:
                return None
            self._word = word
        return payload


class DolbySource:
    """AC-3 and E-AC-3: the header of every frame is read."""

    def __init__(self, read: Callable[[bytes], Ac3Header], make_track: Callable[[Ac3Header], Track]) -> None:
        self.track: Track | None = None
        self._read, self._make_track = read, make_track
        self._header: Ac3Header | None = None

    @classmethod
    def ac3(cls) -> "DolbySource":
        return cls(read_ac3, ac3_track)

    @classmethod
    def eac3(cls) -> "DolbySource":
        return cls(read_eac3, eac3_track)

    def sample(self, payload: bytes, key: bool) -> bytes | None:
        try:
            header = self._read(payload)
        except BadConfig:
            return None
        if self._header is None or not _same_track(header, self._header):
            self.track, self._header = self._make_track(header), header
        return payload


def _same_track(one: Ac3Header, other: Ac3Header) -> bool:
    """The bit rate may differ: dac3 and dec3 tell it to whoever is curious."""
    return one == other or one._replace(size=0) == other._replace(size=0)


WITH_HEADER: Final[dict[int, dict[str, Callable[[bytes], Source]]]] = {
    KIND_VIDEO: {"avc1": NalSource.avc, "hvc1": NalSource.hevc, "av01": Av1Source, "vp09": Vp9Source},
    KIND_AUDIO: {"mp4a": PlainSource.aac, "fLaC": PlainSource.flac, "Opus": OpusSource},
}
"""By kind and codec: how a codec header is read."""

WITHOUT_HEADER: Final[dict[int, dict[str, Callable[[], Source]]]] = {
    KIND_VIDEO: {},
    KIND_AUDIO: {".mp3": Mp3Source, "ac-3": DolbySource.ac3, "ec-3": DolbySource.eac3},
}
"""By kind and codec: those whose frames say it all."""
