"""Codec headers and frames made by hand, and a writer that cuts samples into chunks."""

import struct
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from engine.media.tags import KIND_AUDIO, KIND_VIDEO
from engine.protocols.fmp4 import ChunkWriter, Sample, Track, Tracks
from tests.engine.media.bit_writer import BitWriter
from tests.engine.media.bodies import AAC_CONFIG, AAC_HEADER, AVC_CONFIG, AVC_HEADER, ex_audio, ex_video

__all__ = ["AAC_CONFIG", "AAC_HEADER", "AVC_CONFIG", "AVC_HEADER", "KIND_AUDIO", "KIND_VIDEO"]

AV1_CONFIG: Final = bytes.fromhex("81004c000a0b0200000521e836a017c202")
VP9_CONFIG: Final = bytes.fromhex("01000000000b820202020000")
FLAC_CONFIG: Final = bytes.fromhex("040004000000000008150bb802f0") + bytes(20)
OPUS_STEREO: Final = b"OpusHead" + struct.pack("<BBHIhB", 1, 2, 312, 44_100, -256, 0)
OPUS_SURROUND: Final = (
    b"OpusHead" + struct.pack("<BBHIhB", 1, 6, 312, 48_000, 0, 1) + bytes((4, 2, 0, 4, 1, 2, 3, 5))
)

MP3_FRAME: Final = bytes.fromhex("fffb9064") + bytes(413)  # MPEG-1, 44.1 kHz, 128 kbit/s, joint stereo
MP3_MONO: Final = bytes.fromhex("fff380c4") + bytes(200)  # MPEG-2, 22.05 kHz
AC3_FRAME: Final = bytes.fromhex("0b77abcd1440e1") + bytes(761)  # 48 kHz, 192 kbit/s, 5.1

EAC3_FRAME: Final = bytes.fromhex("0b7700bf3480") + bytes(378)  # 48 kHz, six blocks, stereo


def hevc_config(general: str = "01600000009000000000005d", *, size: tuple[int, int] = (320, 180)) -> bytes:
    """An HEVC record with these bytes from profile to level, and an SPS that says little but the size."""
    sps = BitWriter().u(4, 0).u(3, 0).u(1, 1).u(96, 0).ue(0).ue(1).ue(size[0]).ue(size[1]).u(1, 0).ue(0)
    nal = b"\x42\x01" + sps.bytes()
    head = b"\x01" + bytes.fromhex(general) + bytes.fromhex("f000fcfdf8f800000f01a10001")
    return head + len(nal).to_bytes(2, "big") + nal


def ex_config(kind: int, codec: str, config: bytes) -> bytes:
    """A sequence start of enhanced RTMP."""
    head = codec.encode() + config
    return ex_video(0, head, frame_type=1) if kind == KIND_VIDEO else ex_audio(0, head)


def ex_frame(kind: int, codec: str, payload: bytes, *, key: bool = True) -> bytes:
    """A coded frame of enhanced RTMP; without composition time."""
    head = codec.encode() + payload
    return ex_video(3, head, frame_type=1 if key else 2) if kind == KIND_VIDEO else ex_audio(1, head)


def nals(*units: bytes) -> bytes:
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


def vp9_key(width: int, height: int, *, profile: int = 0) -> bytes:
    """The beginning of a VP9 key frame."""
    bits = BitWriter().u(2, 2).u(1, profile & 1).u(1, profile >> 1)
    if profile == 3:
        bits.u(1, 0)
    bits.u(2, 0).u(2, 2).u(24, 0x498342)
    if profile >= 2:
        bits.u(1, 0)
    bits.u(3, 1).u(4 if profile & 1 else 1, 0)
    return bits.u(16, width - 1).u(16, height - 1).bytes() + bytes(20)


def learn(*tags: tuple[int, bytes]) -> Tracks:
    """Tracks that have taken these bodies, at time 0."""
    tracks = Tracks()
    for kind, body in tags:
        tracks.take(kind, 0, 0, body)
    return tracks


def video_track() -> Track:
    return learn((KIND_VIDEO, AVC_HEADER)).tracks[0]


def audio_track(config: bytes = AAC_CONFIG) -> Track:
    return learn((KIND_AUDIO, b"\xaf\x00" + config)).tracks[0]


def picture(dts_us: int, pts_us: int | None = None, *, key: bool = False, data: bytes = b"pic") -> Sample:
    return Sample(KIND_VIDEO, dts_us, dts_us if pts_us is None else pts_us, key, data)


def sound(dts_us: int, data: bytes = b"snd") -> Sample:
    return Sample(KIND_AUDIO, dts_us, dts_us, True, data)


def ends_after(samples: Iterable[Sample]) -> dict[int, int]:
    """By kind, the time of the first of these."""
    ends: dict[int, int] = {}
    for sample in samples:
        ends.setdefault(sample.kind, sample.dts_us)
    return ends


def cut(tracks: Sequence[Track], samples: Sequence[Sample], cuts: Iterable[int]) -> bytes:
    """Write samples in chunks that end at these places."""
    writer = ChunkWriter(tracks)
    places = [0, *sorted(set(cuts) & set(range(1, len(samples)))), len(samples)]
    return b"".join(writer.chunk(samples[a:b], ends_after(samples[b:])) for a, b in pairwise(places))
