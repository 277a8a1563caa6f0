"""From the FLV tags of one stream to tracks and samples.

One video track and one audio track are read, the lowest of each that was seen, as `engine.media.intake`
starts players by. A codec header makes a source (`sources`); the track is known at once or, where headers do
not say enough, from the first frame that tells. While a new header waits for that frame the old track stays
known: there are no frames between the two. A header that cannot be written changes nothing.
"""

from typing import Final

from engine.media.bits import BadConfig
from engine.media.classify import Classified, Role, classify
from engine.media.multitrack import TrackPart, one_track_body
from engine.media.tags import KIND_AUDIO, KIND_VIDEO, Body
from engine.protocols.fmp4.forms import Sample, Track
from engine.protocols.fmp4.limits import MAX_COMPOSITION_US, MAX_CONFIG_BYTES
from engine.protocols.fmp4.sources import WITH_HEADER, WITHOUT_HEADER, Source

# Where the byte with the packet type of a message of several tracks stands, before the first payload:
# FourCC, track id, length u24 (enhanced RTMP v2)
_PACKET_TYPE_BEFORE: Final = 9
_MULTITRACK_FIRST: Final = {KIND_VIDEO: 6, KIND_AUDIO: 5}  # its packet type in the first byte


class Tracks:
    """Reads the tags of one stream. `take` never raises, whatever they are.

    tracks: what is known now, video first. version: rises when that changed. refused: headers that cannot be
    written. left_out: frames of which no sample could be made.
    """

    def __init__(self) -> None:
        self.tracks: tuple[Track, ...] = ()
        self.version = 0
        self.refused = 0
        self.left_out = 0
        self._ours: dict[int, int] = {}  # the track id that is read, by kind
        self._headers: dict[int, tuple[str, bytes]] = {}  # codec and header of the source, by kind
        self._sources: dict[int, Source] = {}
        self._known: dict[int, Track] = {}

    def take(self, kind: int, dts_us: int, pts_us: int, body: Body) -> Sample | None:
        """Take one tag's body. A codec header changes `tracks`; a frame becomes a sample; others pass by."""
        found = classify(kind, body)
        if len(found.parts) > 1:
            body = _lowest_track(kind, body, found.parts)
            found = classify(kind, body)
            pts_us = dts_us + found.cts_ms * 1000
        if found.role is not Role.FRAME and found.role is not Role.CONFIG:
            return None
        if found.track != self._ours.get(kind) and not self._choose(kind, found.track):
            return None
        payload = bytes(body[found.payload_at :])
        if not payload:
            return None  # a codec is announced whose header is not there yet; or FLAC ends
        if found.role is Role.CONFIG:
            self._configure(kind, found.codec, payload)
            return None
        data = self._frame(kind, found, payload)
        if data is None:
            self.left_out += 1
            return None
        if kind == KIND_AUDIO:
            return Sample(kind, dts_us, dts_us, True, data, self.version)
        if not -MAX_COMPOSITION_US <= pts_us - dts_us <= MAX_COMPOSITION_US:
            pts_us = dts_us
        return Sample(kind, dts_us, pts_us, found.keyframe, data, self.version)

    def _choose(self, kind: int, track: int) -> bool:
        """Of several tracks the lowest is read; whether that is this one."""
        ours = self._ours.get(kind)
        if ours is not None and track > ours:
            return False
        self._ours[kind] = track
        self._sources.pop(kind, None)
        self._headers.pop(kind, None)
        return True

    def _configure(self, kind: int, codec: str, config: bytes) -> None:
        """Read a codec header, unless it is the same as before or of a codec whose frames say it all."""
        if codec in WITHOUT_HEADER[kind] or self._headers.get(kind) == (codec, config):
            return
        make_source = WITH_HEADER[kind].get(codec)
        if make_source is None or len(config) > MAX_CONFIG_BYTES:
            self.refused += 1
            return
        try:
            source = make_source(config)
        except BadConfig:
            self.refused += 1
            return
        self._use(kind, (codec, config), source)

    def _frame(self, kind: int, found: Classified, payload: bytes) -> bytes | None:
        header = self._headers.get(kind)
        if header is None or header[0] != found.codec:
            return self._first_frame(kind, found, payload)
        source = self._sources[kind]
        data = source.sample(payload, found.keyframe)
        if source.track is not self._known.get(kind):
            self._learn(kind, source)
        return data

    def _first_frame(self, kind: int, found: Classified, payload: bytes) -> bytes | None:
        """Take a frame of a codec that has had no header: the end of the old source, if it reads."""
        make_source = WITHOUT_HEADER[kind].get(found.codec)
        if make_source is None:
            return None
        source = make_source()
        data = source.sample(payload, found.keyframe)
        if data is not None:
            self._use(kind, (found.codec, b""), source)
        return data

    def _use(self, kind: int, header: tuple[str, bytes], source: Source) -> None:
        self._headers[kind], self._sources[kind] = header, source
        self._learn(kind, source)

    def _learn(self, kind: int, source: Source) -> None:
        """Take over what a source knows; the version rises if that is something new."""
        track = source.track
        if track is None:
            return
        known = self._known.get(kind)
        if track == known:
            source.track = known  # so that the comparison for every frame is one of identity
            return
        self._known[kind] = track
        self.tracks = tuple(self._known[kind] for kind in (KIND_VIDEO, KIND_AUDIO) if kind in self._known)
        self.version += 1


def _lowest_track(kind: int, body: Body, parts: tuple[TrackPart, ...]) -> bytes:
    """Return a message with the lowest track alone of one with several."""
    packet_type = body[parts[0].start - _PACKET_TYPE_BEFORE] & 0x0F
    first = body[0] & 0xF0 | _MULTITRACK_FIRST[kind]
    return one_track_body(body, first, packet_type, min(parts, key=lambda part: part.track))
