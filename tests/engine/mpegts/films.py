"""Films from ffmpeg's encoders in ffmpeg's transport streams, and what PyAV sees in any of them."""

import subprocess
from pathlib import Path
from typing import Final, NamedTuple

import av

from engine.media.classify import Role, classify
from engine.media.tags import KIND_AUDIO, KIND_VIDEO
from engine.protocols.mpegts import Media, TsEvent, TsReader

PICTURE: Final = ("-f", "lavfi", "-i", "testsrc2=size=322x182:rate=25:duration=2")
SOUND: Final = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=2")
X264: Final = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
X265: Final = ("-c:v", "libx265", "-preset", "ultrafast")
QUIET: Final = "log-level=none"

FILMS: Final = {
    "h264 and aac": (*PICTURE, *SOUND, *X264, "-bf", "2", "-g", "25", "-c:a", "aac", "-ac", "2"),
    "h264 with open GOPs": (*PICTURE, *X264, "-x264-params", "open-gop=1:keyint=12:bframes=3:scenecut=0"),
    "h264 with intra refresh": (*PICTURE, *X264, "-x264-params", "intra-refresh=1:keyint=20"),
    "h264 of ten bits in slices": (*PICTURE, *X264, "-pix_fmt", "yuv422p10", "-x264-params", "slices=4"),
    "hevc and opus": (
        *PICTURE, *SOUND, *X265, "-x265-params", f"{QUIET}:keyint=25:open-gop=1:bframes=3", "-c:a", "libopus",
    ),
    "hevc of 4:4:4": (*PICTURE, *X265, "-pix_fmt", "yuv444p", "-x265-params", f"{QUIET}:keyint=25"),
    "mp3": (*SOUND, "-c:a", "libmp3lame", "-ar", "44100"),
    "mp3 of 22 kHz": (*SOUND, "-c:a", "libmp3lame", "-ar", "22050"),
    "ac-3": (*SOUND, "-c:a", "ac3", "-ac", "2"),
    "ac-3 of 44.1 kHz": (*SOUND, "-c:a", "ac3", "-ar", "44100"),
    "aac of 44.1 kHz": (*SOUND, "-c:a", "aac", "-ar", "44100"),
    "opus of six channels": (*SOUND, "-c:a", "libopus", "-ac", "6"),
}  # fmt: skip

_SETS_AND_DELIMITERS: Final = {"h264": {7, 8, 9}, "hevc": {32, 33, 34, 35}}
_FOURCCS: Final = {
    "h264": "avc1", "hevc": "hvc1", "aac": "mp4a", "opus": "Opus", "mp3": ".mp3", "ac3": "ac-3",
}  # fmt: skip


class Frame(NamedTuple):
    """A frame as either side sees it: times in ms, and its bytes without what may be rewritten."""

    kind: int
    codec: str
    dts_ms: int
    pts_ms: int
    key: bool
    data: tuple[bytes, ...]


def make_film(ffmpeg: Path, path: Path, options: tuple[str, ...]) -> bytes:
    """Run ffmpeg and return what it wrote."""
    subprocess.run([ffmpeg, "-y", "-v", "error", *options, path], check=True, capture_output=True, timeout=60)
    return path.read_bytes()


def read_film(film: bytes) -> list[TsEvent]:
    """Return everything a reader makes of it."""
    reader = TsReader()
    return reader.receive(film, 0) + reader.finish()


def our_frames(events: list[TsEvent]) -> list[Frame]:
    """Return the coded frames, video first."""
    frames = []
    for event in events:
        if isinstance(event, Media) and (found := classify(event.kind, event.body)).role is Role.FRAME:
            payload = event.body[found.payload_at :]
            data = tuple(nal_units(payload)) if event.kind == KIND_VIDEO else (payload,)
            dts_ms = event.timestamp_ms
            frames.append(Frame(event.kind, found.codec, dts_ms, dts_ms + found.cts_ms, found.keyframe, data))
    return sorted(frames, key=lambda frame: -frame.kind)


def nal_units(payload: bytes) -> list[bytes]:
    """Split behind lengths of four bytes."""
    units, at = [], 0
    while at < len(payload):
        end = at + 4 + int.from_bytes(payload[at : at + 4], "big")
        units.append(payload[at + 4 : end])
        at = end
    return units


def their_frames(path: Path) -> list[Frame]:
    """Return what PyAV demuxes, video first."""
    frames = []
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.size and packet.dts is not None and packet.pts is not None:
                name = packet.stream.codec_context.codec.canonical_name
                video = packet.stream.type == "video"
                kind = KIND_VIDEO if video else KIND_AUDIO
                dts_ms, pts_ms = ((time + 45) // 90 for time in (packet.dts, packet.pts))
                data = _their_data(name, bytes(packet))
                key = video and packet.is_keyframe
                frames.append(Frame(kind, _FOURCCS[name], dts_ms, pts_ms, key, data))
    return sorted(frames, key=lambda frame: -frame.kind)


def _their_data(codec: str, data: bytes) -> tuple[bytes, ...]:
    """Take off what is packing: start codes, sets and delimiters, ADTS headers."""
    if codec == "aac":
        return (data[7 if data[1] & 1 else 9 :],)
    if codec not in _SETS_AND_DELIMITERS:
        return (data,)
    shift, mask = (0, 31) if codec == "h264" else (1, 63)
    nals = (piece.rstrip(b"\0") for piece in data.split(b"\0\0\1"))
    left_out = _SETS_AND_DELIMITERS[codec]
    return tuple(nal for nal in nals if nal and nal[0] >> shift & mask not in left_out)
