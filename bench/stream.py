"""The synthetic stream: what is published, when, and what each message says about itself.

30 frames of H.264 and 43 frames of AAC a second, a keyframe every two seconds, as an ordinary broadcast has.
Codec headers are real (1280x720 Baseline, 44.1 kHz stereo); frame bodies are filler behind a stamp with the
message's number and the moment it was sent on CLOCK_MONOTONIC, which all processes of a machine share.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

KIND_AUDIO = 8
KIND_VIDEO = 9
KIND_SCRIPT = 18

NS_PER_S = 1_000_000_000

FPS = 30
GOP_S = 2
AUDIO_RATE_HZ = 44_100
AUDIO_SAMPLES = 1024
AUDIO_BODY_BYTES = 372  # 128 kbit/s

#: A keyframe weighs about this many other frames in low-delay encodes of ordinary material.
KEYFRAME_WEIGHT = 5

#: AVCDecoderConfigurationRecord (ISO 14496-15 section 5.3.3.1): Baseline level 3.1, 1280x720, 4-byte lengths.
_SPS = bytes.fromhex("6742c01fda014016e4")
_PPS = bytes.fromhex("68ce3c80")
AVC_HEADER = (
    b"\x17\x00\0\0\0"
    + b"\x01\x42\xc0\x1f\xff\xe1"
    + struct.pack(">H", len(_SPS))
    + _SPS
    + b"\x01"
    + struct.pack(">H", len(_PPS))
    + _PPS
)
#: AudioSpecificConfig (ISO 14496-3 section 1.6.2.1): AAC LC, 44.1 kHz, two channels.
AAC_HEADER = b"\xaf\x00\x12\x10"

_STAMP = struct.Struct(">4sQQ")
_MAGIC = b"FANb"
_VIDEO_PREFIX = 5 + 4 + 1  # FLV's AVC packet header, NAL unit length, NAL unit header
_AUDIO_PREFIX = 2
MIN_BODY_BYTES = _VIDEO_PREFIX + _STAMP.size


class Shape(NamedTuple):
    """Sizes of the three sorts of frame, bytes of message body."""

    key_bytes: int
    inter_bytes: int
    audio_bytes: int


class Due(NamedTuple):
    """One message of the schedule."""

    number: int
    due_ns: int  # since the stream's beginning
    kind: int
    key: bool

    @property
    def timestamp_ms(self) -> int:
        """Decoding time as RTMP and FLV carry it."""
        return self.due_ns // 1_000_000


class Stamp(NamedTuple):
    """What a frame says about itself."""

    number: int
    sent_ns: int
    kind: int
    key: bool


def shape_of(bitrate_bps: int) -> Shape:
    """Frame sizes that add up to `bitrate_bps` of message bodies."""
    audio = min(AUDIO_BODY_BYTES, bitrate_bps // 8 // 4 * AUDIO_SAMPLES // AUDIO_RATE_HZ)
    audio_per_s = audio * AUDIO_RATE_HZ / AUDIO_SAMPLES
    units = FPS * GOP_S - 1 + KEYFRAME_WEIGHT
    inter = int((bitrate_bps / 8 - audio_per_s) * GOP_S / units)
    return Shape(
        key_bytes=max(MIN_BODY_BYTES, inter * KEYFRAME_WEIGHT),
        inter_bytes=max(MIN_BODY_BYTES, inter),
        audio_bytes=max(_AUDIO_PREFIX + _STAMP.size, audio),
    )


def schedule() -> Iterator[Due]:
    """All messages in the order they are due, for ever; number 0 is a keyframe."""
    frame = packet = number = 0
    while True:
        video_ns = frame * NS_PER_S // FPS
        audio_ns = packet * AUDIO_SAMPLES * NS_PER_S // AUDIO_RATE_HZ
        if video_ns <= audio_ns:
            yield Due(number, video_ns, KIND_VIDEO, frame % (FPS * GOP_S) == 0)
            frame += 1
        else:
            yield Due(number, audio_ns, KIND_AUDIO, key=False)
            packet += 1
        number += 1


class Bodies:
    """Message bodies of one shape; the filler is made once."""

    def __init__(self, shape: Shape) -> None:
        self._key = _video_frame(b"\x17\x01\0\0\0", b"\x65", shape.key_bytes)
        self._inter = _video_frame(b"\x27\x01\0\0\0", b"\x41", shape.inter_bytes)
        self._audio = (b"\xaf\x01", _filler(shape.audio_bytes - _AUDIO_PREFIX - _STAMP.size))

    def body(self, due: Due, sent_ns: int) -> bytes:
        """The body of `due`, stamped as sent at `sent_ns`."""
        if due.kind == KIND_AUDIO:
            prefix, filler = self._audio
        else:
            prefix, filler = self._key if due.key else self._inter
        return prefix + _STAMP.pack(_MAGIC, due.number, sent_ns) + filler


def read_stamp(kind: int, body: bytes) -> Stamp | None:
    """The stamp of a media body; None for codec headers, metadata and foreign frames."""
    prefix = _VIDEO_PREFIX if kind == KIND_VIDEO else _AUDIO_PREFIX
    if kind == KIND_SCRIPT or len(body) < prefix + _STAMP.size:
        return None
    magic, number, sent_ns = _STAMP.unpack_from(body, prefix)
    if magic != _MAGIC:
        return None
    return Stamp(number, sent_ns, kind, kind == KIND_VIDEO and body[0] >> 4 == 1)


def _video_frame(packet_header: bytes, nal_header: bytes, size: int) -> tuple[bytes, bytes]:
    nal_bytes = size - len(packet_header) - 4
    prefix = packet_header + struct.pack(">I", nal_bytes) + nal_header
    return prefix, _filler(size - len(prefix) - _STAMP.size)


def _filler(size: int) -> bytes:
    # No zero byte, so that no start code and no emulation prevention appears in what looks like H.264.
    return bytes(1 + (place * 167 + 13) % 255 for place in range(max(0, size)))
