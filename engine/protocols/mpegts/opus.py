"""Opus in a transport stream, as its draft has it and ffmpeg and OBS write it.

Each packet has a control header: eleven bits 0x3FF, three flags, the size as bytes of which each 0xFF goes
on, then what the flags announce. The channels stand in a descriptor of the PMT; the identification header
that FLV needs (RFC 7845 §5.1) is made from that. How many samples to skip at the beginning is not said; 312
is what libopus looks ahead, and one constant keeps the header the same for whoever joins.
"""

from struct import Struct
from typing import Final

from engine.media.bits import BadConfig
from engine.protocols.mpegts.audio import AudioFrame

_PREFIX: Final = 0x7FE0
_PREFIX_MASK: Final = 0xFFE0
_START_TRIM: Final = 0x10
_END_TRIM: Final = 0x08
_EXTENSION: Final = 0x04
_TRIM_BYTES: Final = 2
_MAX_SIZE_BYTES: Final = 64  # 16 KB: eight streams of the largest Opus frame

_RATE: Final = 48_000
_PRE_SKIP: Final = 312
_HEAD: Final = Struct("<8sBBHIHB")
_FLV_HEADER: Final = b"\x90Opus"  # enhanced RTMP: sequence start, coded frames
_FLV_FRAME: Final = b"\x91Opus"

# By channels: streams, coupled streams, and the order in which the channels stand (RFC 7845 §5.1.1.2, figure
# 4)
_LAYOUTS: Final = {
    3: (2, 1, (0, 2, 1)),
    4: (2, 2, (0, 1, 2, 3)),
    5: (3, 2, (0, 4, 1, 2, 3)),
    6: (4, 2, (0, 4, 1, 2, 3, 5)),
    7: (4, 3, (0, 4, 1, 2, 3, 5, 6)),
    8: (5, 3, (0, 6, 1, 2, 3, 4, 5, 7)),
}
# Samples at 48 kHz of one frame, by the configuration number (RFC 6716 §3.1, table 2)
_FRAME_SAMPLES: Final = (
    *(480, 960, 1920, 2880) * 3, *(480, 960) * 2, *(120, 240, 480, 960) * 4,
)  # fmt: skip


class Opus:
    """Cuts and reads Opus packets. channels is channel_config_code of the descriptor."""

    sync = b"\x7f"
    head_bytes = 3

    def __init__(self, channels: int) -> None:
        self._header = _FLV_HEADER + identification_header(channels)

    def frame_bytes(self, data: bytes, at: int) -> int:
        """Return the length of control header and packet. A torn header counts as longer than what is
        there."""
        if (data[at] << 8 | data[at + 1]) & _PREFIX_MASK != _PREFIX:
            return 0
        head, size = _measure(data, at)
        return head + size if head else 0

    def read(self, frame: bytes) -> AudioFrame | None:
        """Take the control header off."""
        head, size = _measure(frame, 0)
        packet = frame[head:]
        samples = packet_samples(packet)
        if not size or not samples:
            return None
        return AudioFrame((_FLV_FRAME + packet,), samples, _RATE, self._header)


def _measure(data: bytes, at: int) -> tuple[int, int]:
    """Return the lengths of control header and packet; 0 if there is no end to the size, and more than there
    is where the header is torn."""
    flags, begin = data[at + 1], at + 2
    end = begin
    while end < len(data) and data[end] == 0xFF:
        end += 1
    if end - begin > _MAX_SIZE_BYTES:
        return 0, 0
    size = 255 * (end - begin) + (data[end] if end < len(data) else 0)
    end += 1 + _TRIM_BYTES * ((flags & _START_TRIM > 0) + (flags & _END_TRIM > 0))
    if flags & _EXTENSION:
        end += 1 + (data[end] if end < len(data) else 0)
    return end - at, size


def packet_samples(packet: bytes) -> int:
    """Return the samples at 48 kHz that a packet comes to (RFC 6716 §3.1 and §3.2); 0 if it is none."""
    if not packet:
        return 0
    count = (1, 2, 2, 0)[packet[0] & 3]
    if not count:
        count = packet[1] & 0x3F if len(packet) > 1 else 0
    samples = count * _FRAME_SAMPLES[packet[0] >> 3]
    return samples if samples <= 5760 else 0  # 120 ms, RFC 6716 §3.2.5


def identification_header(code: int) -> bytes:
    """Return OpusHead for a channel_config_code: 1 to 8 channels in the usual order, 0 two of mono, and
    anything else is taken for stereo."""
    if code == 0:
        return _head(2, 255) + bytes((2, 0, 0, 1))
    layout = _LAYOUTS.get(code)
    if layout is None:
        return _head(1 if code == 1 else 2, 0)
    streams, coupled, order = layout
    return _head(code, 1) + bytes((streams, coupled, *order))


def _head(channels: int, family: int) -> bytes:
    return _HEAD.pack(b"OpusHead", 1, channels, _PRE_SKIP, _RATE, 0, family)


def channel_code(head: bytes) -> int:
    """Return the channel_config_code for an OpusHead; raises BadConfig if there is none for it."""
    if len(head) < _HEAD.size or head[:8] != b"OpusHead":
        raise BadConfig("not an Opus identification header")
    channels, family = head[9], head[18]
    if family == 0 and channels in (1, 2):
        return channels
    for code in (0, *_LAYOUTS):
        if identification_header(code)[18:] == head[18:] and identification_header(code)[9] == channels:
            return code
    raise BadConfig(f"Opus of {channels} channels in mapping family {family}")


def encode_control_header(packet_bytes: int) -> bytes:
    """Return what stands before a packet: no trimming."""
    whole, last = divmod(packet_bytes, 255)
    return _PREFIX.to_bytes(2, "big") + b"\xff" * whole + bytes((last,))
