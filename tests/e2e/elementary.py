"""What a media file holds, as a second opinion sees it: coded frames without their packing, times unrounded.

PyAV takes the containers apart. Slices and audio frames must come through a server as they are; parameter
sets, delimiters and supplemental information may be written anew, so they are left out.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final, NamedTuple

import av
from av.packet import Packet
from av.stream import Stream

Frames = dict[str, list["Frame"]]
"""By kind, "video" and "audio", in decoding order."""

EXACT_WITHIN_MS: Final = 1
# libsrt drops what it has not sent when it is closed, and ffmpeg closes it at once.
LOST_BY_THE_SENDER_MS: Final = 500

_ADTS_SYNC: Final = 0xFFF


class Frame(NamedTuple):
    """One frame: times in milliseconds, and what is in it."""

    dts_ms: Fraction
    pts_ms: Fraction
    key: bool
    data: tuple[bytes, ...]


def frames_of(path: Path) -> Frames:
    """Read a file of FLV or MPEG-TS."""
    found: Frames = {}
    with av.open(str(path)) as container:
        lengths = container.format.name == "flv"
        for packet in container.demux():
            if packet.size and packet.dts is not None and packet.pts is not None:
                ms = 1000 * packet.time_base
                video = packet.stream.type == "video"
                data = _slices(packet, lengths) if video else (_without_adts(bytes(packet)),)
                frame = Frame(packet.dts * ms, packet.pts * ms, video and packet.is_keyframe, data)
                found.setdefault(packet.stream.type, []).append(frame)
    return found


def check_run(received: Frames, published: Frames) -> dict[str, int]:
    """What was received is a run of what was published, whole and in time; gives where it begins."""
    begins = {kind: find_run(received[kind], frames) for kind, frames in published.items()}
    drifts = []
    for kind, begin in begins.items():
        for there, here in zip(received[kind], published[kind][begin:], strict=False):
            assert there.key == here.key
            drifts += [there.dts_ms - here.dts_ms, there.pts_ms - here.pts_ms]
    assert max(drifts) - min(drifts) <= EXACT_WITHIN_MS
    return begins


def find_run(received: list[Frame], published: list[Frame]) -> int:
    contents = [frame.data for frame in published]
    wanted = [frame.data for frame in received]
    begin = next(at for at in range(len(contents)) if contents[at : at + len(wanted)] == wanted)
    lost_ms = published[-1].dts_ms - published[begin + len(wanted) - 1].dts_ms
    assert lost_ms <= LOST_BY_THE_SENDER_MS
    return begin


def _slices(packet: "Packet[Stream]", lengths: bool) -> tuple[bytes, ...]:
    codec = packet.stream.codec_context.codec.canonical_name
    cut = _behind_lengths if lengths else _behind_start_codes
    return tuple(nal for nal in cut(bytes(packet)) if _is_slice(codec, nal))


def _is_slice(codec: str, nal: bytes) -> bool:
    """H.264 table 7-1, H.265 table 7-1: the types of video coding layer."""
    return 1 <= nal[0] & 0x1F <= 5 if codec == "h264" else nal[0] >> 1 & 0x3F < 32


def _behind_start_codes(data: bytes) -> Iterator[bytes]:
    yield from (nal for piece in data.split(b"\0\0\1") if (nal := piece.rstrip(b"\0")))


def _behind_lengths(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : end].rstrip(b"\0")  # as above, where zeros belong to the next start code
        at = end


def _without_adts(data: bytes) -> bytes:
    if int.from_bytes(data[:2], "big") >> 4 != _ADTS_SYNC:
        return data
    return data[7 if data[1] & 1 else 9 :]
