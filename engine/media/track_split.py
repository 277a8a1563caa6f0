"""A publisher's further video tracks, each as the messages of a stream of its own.

An encoder that sends several sizes of one picture over one connection (enhanced RTMP v2, "multitrack"; OBS
calls it multitrack video) numbers them: 0 is what players show who know nothing of tracks, and the stream
that it asked to publish. Each of the others is taken out of its multitrack message, put into one of its own
as if it were alone, and gets the sound of the first audio track, so that it can be played by itself.

A further track begins with its codec header; what comes before it could not be decoded. Metadata is of the
first track alone and is left out: players read sizes from codec headers.
"""

from collections.abc import Iterator
from typing import Final

from engine.access.names import MAX_TRACK
from engine.media.classify import Classified, Role, classify
from engine.media.multitrack import TrackPart
from engine.media.tags import KIND_AUDIO, KIND_VIDEO, Body

# VideoPacketType and AudioPacketType of enhanced RTMP.
_VIDEO_MULTITRACK: Final = 6
_MOD_EX: Final = 7

# H.264 goes out in the classic form, which all players know: AVCPacketType, and CompositionTime where the
# payload does not begin with it (FLV annex E.4.3.1). By VideoPacketType.
_CLASSIC_AVC: Final = {0: bytes(4), 1: b"\x01", 2: b"\x02\x00\x00\x00", 3: b"\x01\x00\x00\x00"}
_CLASSIC_AVC_ID: Final = 7

_AAC: Final = 10  # SoundFormat (annex E.4.2.1)
_EX_AUDIO: Final = 9

_ENHANCED: Final = 0x80
_FRAME_TYPE: Final = 0x70


class TrackSplit:
    """What is for the further tracks in one publisher's messages."""

    def __init__(self) -> None:
        self._tracks: list[int] = []
        self._sound: dict[Role, bytes] = {}  # headers of the first audio track

    def take(self, kind: int, body: Body) -> list[tuple[int, int, bytes]]:
        """Return what this message is to them: (track, FLV kind, body), in the order of sending."""
        if kind == KIND_VIDEO:
            return list(self._take_video(body)) if _may_be_multitrack(body) else []
        if kind == KIND_AUDIO:
            return self._take_audio(body)
        return []

    def forget(self, track: int) -> None:
        """Nobody takes this track."""
        if track in self._tracks:
            self._tracks.remove(track)

    def _take_video(self, body: Body) -> Iterator[tuple[int, int, bytes]]:
        found = classify(KIND_VIDEO, body)
        for part in found.parts:
            if not 1 <= part.track <= MAX_TRACK:
                continue
            if part.track not in self._tracks:
                if found.role is not Role.CONFIG:
                    continue
                self._tracks.append(part.track)
                yield from ((part.track, KIND_AUDIO, header) for header in self._sound.values())
            yield part.track, KIND_VIDEO, _alone(body, found, part)

    def _take_audio(self, body: Body) -> list[tuple[int, int, bytes]]:
        if not self._tracks and not _may_be_header(body):
            return []
        found = classify(KIND_AUDIO, body)
        if found.parts:  # the first track of sound comes without a number, from all encoders there are
            return []
        if found.header:
            self._sound[found.role] = bytes(body)
        return [(track, KIND_AUDIO, bytes(body)) for track in self._tracks]


def _may_be_multitrack(body: Body) -> bool:
    """Asked of every picture: whether it is worth a closer look."""
    return bool(body) and body[0] & _ENHANCED != 0 and body[0] & 0x0F in (_VIDEO_MULTITRACK, _MOD_EX)


def _may_be_header(body: Body) -> bool:
    """The same of sound while there is no further track that wants it."""
    return len(body) > 1 and (body[0] >> 4 == _EX_AUDIO or (body[0] >> 4 == _AAC and not body[1]))


def _alone(body: Body, found: Classified, part: TrackPart) -> bytes:
    """The same message as if there were no other track."""
    frame_type, payload = body[0] & _FRAME_TYPE, body[part.start : part.end]
    classic = _CLASSIC_AVC.get(found.packet_type) if part.codec == "avc1" else None
    if classic is not None:
        return b"".join((bytes((frame_type | _CLASSIC_AVC_ID,)), classic, payload))
    first = _ENHANCED | frame_type | found.packet_type
    return b"".join((bytes((first,)), part.codec.encode("latin-1"), payload))
