"""What a media message is: codec, keyframe, header or frame, composition time.

Only the first few bytes of a body are read, and nothing is ever refused: a body that is too short or of an
unknown kind is UNKNOWN and passes whole, because a player may know what we do not.

Three generations of FLV meet here:

- classic (Adobe FLV 10.1, annex E.4.2 and E.4.3): frame type and codec id in one byte, for AVC (7) and AAC
  (10) a packet type after it. Cameras send HEVC as codec id 12 in the shape of AVC.
- enhanced RTMP v1: bit 7 set, then frame type and packet type, then a FourCC.
- enhanced RTMP v2: audio too (sound format 9), several tracks in one message (`multitrack`), and ModEx
  prefixes, which so far carry nanoseconds.
"""

from enum import Enum
from typing import Final, NamedTuple

from engine.media.multitrack import TrackPart, walk_tracks
from engine.media.tags import KIND_AUDIO, KIND_SCRIPT, KIND_VIDEO, Body

__all__ = ["UNKNOWN", "Classified", "Role", "TrackPart", "classify"]


class Role(Enum):
    """What a message is for."""

    FRAME = "frame"  # coded media
    CONFIG = "config"  # decoder configuration (sequence header, sequence start)
    TS_CONFIG = "ts_config"  # the same in MPEG-2 TS form (AV1 video descriptor)
    COLOUR = "colour"  # colour information and other video metadata
    CHANNELS = "channels"  # which channel is which loudspeaker
    METADATA = "metadata"  # onMetaData
    CLEAR_METADATA = "clear_metadata"  # @clearDataFrame: a word to the server alone
    SCRIPT = "script"  # any other data message
    END = "end"  # end of sequence
    COMMAND = "command"  # seek marks of classic servers (frame type 5)
    UNKNOWN = "unknown"


HEADER_ROLES: Final = frozenset({Role.CONFIG, Role.TS_CONFIG, Role.COLOUR, Role.CHANNELS})


class Classified(NamedTuple):
    """A message understood.

    codec is a FourCC ("avc1", "hvc1", "av01", "vp09", "mp4a", "Opus", "fLaC", "ac-3"…), also for classic
    codec ids, and "" where it is not known. cts_ms is the composition time offset, nanos a further offset of
    the timestamp. track is the first track of the message, payload_at the offset at which its payload begins
    in the body; parts lists all tracks of a multitrack message and is empty otherwise.
    """

    role: Role
    codec: str = ""
    keyframe: bool = False
    cts_ms: int = 0
    track: int = 0
    payload_at: int = 0
    nanos: int = 0
    parts: tuple[TrackPart, ...] = ()
    packet_type: int = 0

    @property
    def header(self) -> bool:
        """Whether a player needs this message before any frame."""
        return self.role in HEADER_ROLES

    @property
    def metadata(self) -> bool:
        return self.role is Role.METADATA


UNKNOWN: Final = Classified(Role.UNKNOWN)

# Classic codec ids (annex E.4.3.1) by the FourCC that names the codec elsewhere; 12 is the cameras' HEVC, 13
# their AV1.
_VIDEO_CODECS: Final = {
    2: "flv1", 3: "scr1", 4: "vp6f", 5: "vp6a", 6: "scr2", 7: "avc1", 8: "h263", 12: "hvc1", 13: "av01",
}  # fmt: skip
_SHAPED_LIKE_AVC: Final = frozenset({7, 12, 13})
# Sound formats (annex E.4.2.1).
_AUDIO_CODECS: Final = {
    0: "lpcm", 1: "adpc", 2: ".mp3", 3: "lpcm", 4: "nell", 5: "nell", 6: "nell", 7: "alaw", 8: "ulaw",
    10: "mp4a", 11: "spex", 14: ".mp3",
}  # fmt: skip
_AAC: Final = 10
_EX_AUDIO: Final = 9  # SoundFormat ExHeader

_KEY_FRAME: Final = 1  # annex E.4.3.1 FrameType; 4, "generated", is for servers' own use and decodes nowhere
_COMMAND_FRAME: Final = 5

# VideoPacketType of enhanced RTMP
_CODED_FRAMES: Final = 1
_MULTITRACK: Final = {KIND_VIDEO: 6, KIND_AUDIO: 5}
_MOD_EX: Final = 7
_VIDEO_ROLES: Final = {
    0: Role.CONFIG, 1: Role.FRAME, 2: Role.END, 3: Role.FRAME, 4: Role.COLOUR, 5: Role.TS_CONFIG,
}  # fmt: skip
_AUDIO_ROLES: Final = {0: Role.CONFIG, 1: Role.FRAME, 2: Role.END, 4: Role.CHANNELS}
_WITH_CTS: Final = frozenset({"avc1", "hvc1", "vvc1"})  # codecs whose CodedFrames carry a composition time
_NANO_OFFSET: Final = 0  # ModExType TimestampOffsetNano
_MAX_NANOS: Final = 999_999  # it refines a millisecond

_SET_DATA_FRAME: Final = b"\x02\x00\x0d@setDataFrame"
_CLEAR_DATA_FRAME: Final = b"\x02\x00\x0f@clearDataFrame"
_ON_METADATA: Final = b"\x02\x00\x0aonMetaData"


def classify(kind: int, body: Body) -> Classified:
    """Say what a message body is. Never raises; anything not understood is UNKNOWN."""
    if kind == KIND_VIDEO:
        return _classify_video(body)
    if kind == KIND_AUDIO:
        return _classify_audio(body)
    if kind == KIND_SCRIPT:
        return _classify_script(body)
    return UNKNOWN


def without_set_data_frame(body: Body) -> Body:
    """Take the "@setDataFrame" off a data message: it speaks to the server, players get what follows."""
    return body[len(_SET_DATA_FRAME) :] if body[: len(_SET_DATA_FRAME)] == _SET_DATA_FRAME else body


def _classify_script(body: Body) -> Classified:
    name = bytes(without_set_data_frame(body)[: len(_CLEAR_DATA_FRAME)])
    if name.startswith(_ON_METADATA):
        return Classified(Role.METADATA)
    return Classified(Role.CLEAR_METADATA if name == _CLEAR_DATA_FRAME else Role.SCRIPT)


def _classify_video(body: Body) -> Classified:
    if not body:
        return UNKNOWN
    first = body[0]
    if first & 0x80:
        return _classify_enhanced(KIND_VIDEO, body, first & 0x0F, first >> 4 & 0x07)
    frame_type, codec_id = first >> 4, first & 0x0F
    codec = _VIDEO_CODECS.get(codec_id, "")
    if frame_type == _COMMAND_FRAME:
        return Classified(Role.COMMAND, codec)
    if codec_id in _SHAPED_LIKE_AVC:
        return _classify_avc_shaped(body, codec, frame_type == _KEY_FRAME)
    return Classified(Role.FRAME, codec, frame_type == _KEY_FRAME, payload_at=1)


def _classify_avc_shaped(body: Body, codec: str, keyframe: bool) -> Classified:
    """AVCPacketType and CompositionTime stand before the payload (annex E.4.3.1)."""
    if len(body) < 5:
        return Classified(Role.UNKNOWN, codec)
    packet_type = body[1]
    if packet_type == 1:
        return Classified(Role.FRAME, codec, keyframe, _si24(body, 2), 0, 5)
    if packet_type == 0:
        return Classified(Role.CONFIG, codec, payload_at=5)
    return Classified(Role.END if packet_type == 2 else Role.UNKNOWN, codec)


def _classify_audio(body: Body) -> Classified:
    if not body:
        return UNKNOWN
    sound_format = body[0] >> 4
    if sound_format == _AAC:
        if len(body) < 2:
            return Classified(Role.UNKNOWN, "mp4a")
        return Classified(Role.FRAME if body[1] else Role.CONFIG, "mp4a", payload_at=2)
    if sound_format == _EX_AUDIO:
        return _classify_enhanced(KIND_AUDIO, body, body[0] & 0x0F, 0)
    return Classified(Role.FRAME, _AUDIO_CODECS.get(sound_format, ""), payload_at=1)


def _classify_enhanced(kind: int, body: Body, packet_type: int, frame_type: int) -> Classified:
    """ExVideoTagHeader and ExAudioTagHeader: ModEx prefixes, then one track or several, then the FourCC."""
    at, nanos = 1, 0
    while packet_type == _MOD_EX:
        at, packet_type, offset = _mod_ex(body, at)
        if not at:
            return UNKNOWN
        nanos += offset
    roles = _VIDEO_ROLES if kind == KIND_VIDEO else _AUDIO_ROLES
    if frame_type == _COMMAND_FRAME and roles.get(packet_type) is not Role.COLOUR:
        return Classified(Role.COMMAND)
    nanos = min(nanos, _MAX_NANOS)
    if packet_type == _MULTITRACK[kind]:
        return _classify_multitrack(kind, body, at, frame_type, nanos)
    if len(body) < at + 4:
        return UNKNOWN
    codec = str(body[at : at + 4], "latin-1")
    return _enhanced(kind, body, packet_type, frame_type, nanos, TrackPart(0, codec, at + 4, len(body)), ())


def _enhanced(
    kind: int,
    body: Body,
    packet_type: int,
    frame_type: int,
    nanos: int,
    first: TrackPart,
    parts: tuple[TrackPart, ...],
) -> Classified:
    """Put together what is known; CodedFrames of some video codecs begin with their composition time."""
    roles = _VIDEO_ROLES if kind == KIND_VIDEO else _AUDIO_ROLES
    role, codec, at, cts_ms = roles.get(packet_type, Role.UNKNOWN), first.codec, first.start, 0
    if packet_type == _CODED_FRAMES and kind == KIND_VIDEO and codec in _WITH_CTS:
        if first.end < at + 3:
            return Classified(Role.UNKNOWN, codec)
        cts_ms, at = _si24(body, at), at + 3
    keyframe = frame_type == _KEY_FRAME and role is Role.FRAME
    return Classified(role, codec, keyframe, cts_ms, first.track, at, nanos, parts, packet_type)


def _mod_ex(body: Body, at: int) -> tuple[int, int, int]:
    """Read one ModEx prefix: (offset after it or 0 if torn, next packet type, nanoseconds)."""
    if len(body) < at + 3:
        return 0, 0, 0
    size = body[at] + 1
    at += 1
    if size == 256:
        size = (body[at] << 8 | body[at + 1]) + 1
        at += 2
    if len(body) <= at + size:
        return 0, 0, 0
    following = body[at + size]
    is_nano = following >> 4 == _NANO_OFFSET and size == 3
    nanos = int.from_bytes(body[at : at + 3], "big") if is_nano else 0
    return at + size + 1, following & 0x0F, nanos


def _classify_multitrack(kind: int, body: Body, at: int, frame_type: int, nanos: int) -> Classified:
    """All tracks of a message share frame type and packet type; the first one speaks for it."""
    packet_type, parts = walk_tracks(body, at)
    if not parts:
        return UNKNOWN
    return _enhanced(kind, body, packet_type, frame_type, nanos, parts[0], parts)


def _si24(body: Body, at: int) -> int:
    value = body[at] << 16 | body[at + 1] << 8 | body[at + 2]
    return value - 0x1000000 if value & 0x800000 else value
