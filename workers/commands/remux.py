"""Packets of a media file on one endless timeline: what `fanlight publish` sends.

Times inside are seconds from the beginning of what is sent. A file's own timestamps begin anywhere, and begin
again with each repetition; `Timeline` moves them so that they go on, and keeps decoding times rising,
because a muxer refuses anything else.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple, TypeAlias

import av
from av.container import InputContainer, OutputContainer

from workers.commands.errors import EXIT_FAILED, EXIT_USAGE, CommandError

Track = av.VideoStream | av.AudioStream
Packet: TypeAlias = "av.Packet[av.stream.Stream]"


class Timed(NamedTuple):
    """A packet ready to be sent, and when: seconds from the beginning."""

    packet: Packet
    at_s: float


class Timeline:
    """Moves the timestamps of one repetition after another to where the last one ended."""

    def __init__(self) -> None:
        self._shift_s: Fraction | None = None
        self._end_s = Fraction(0)
        self._last_dts: dict[int, int] = {}

    def repeat(self) -> None:
        """The next packet is a file's first again."""
        self._shift_s = None

    def place(self, packet: Packet) -> float:
        """Give the packet its place; returns it in seconds. The packet must have a decoding time."""
        base, dts = packet.time_base, packet.dts
        assert base is not None
        assert dts is not None
        if self._shift_s is None:
            self._shift_s = self._end_s - dts * base
        shift = round(self._shift_s / base)
        placed = max(dts + shift, self._last_dts.get(packet.stream_index, -1) + 1)
        packet.pts = max(placed, (packet.pts if packet.pts is not None else dts) + shift)
        packet.dts = self._last_dts[packet.stream_index] = placed
        self._end_s = max(self._end_s, (placed + (packet.duration or 1)) * base)
        return float(placed * base)


def open_file(path: str) -> InputContainer:
    """Open a media file. Raises CommandError."""
    try:
        return av.open(path)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", exit_code=EXIT_USAGE) from None
    except av.FFmpegError as error:
        raise CommandError(f"{path}: {error.strerror}", exit_code=EXIT_FAILED) from None


def tracks_of(source: InputContainer) -> list[Track]:
    """The one video and the one audio track that are sent. Raises CommandError if there is neither."""
    video = [track for track in source.streams.video if not track.disposition & _COVER]
    tracks: list[Track] = [*video[:1], *source.streams.audio[:1]]
    if not tracks:
        raise CommandError(f"{source.name}: no video and no audio in it")
    return tracks


_COVER = av.stream.Disposition.attached_pic
"""A picture of an album is a video track to FFmpeg."""


def packets(source: InputContainer, target: OutputContainer, *, loop: bool) -> Iterator[Timed]:
    """Every packet of the file for `target`, in the file's order; again and again if `loop`."""
    outgoing = {track.index: _same_track(target, track) for track in tracks_of(source)}
    incoming = tracks_of(source)
    timeline = Timeline()
    while True:
        sent = 0
        for packet in _read(source, incoming):
            at_s = timeline.place(packet)
            packet.stream = outgoing[packet.stream_index]
            yield Timed(packet, at_s)
            sent += 1
        if not loop or not sent:
            return
        timeline.repeat()
        source.seek(0)


def _same_track(target: OutputContainer, track: Track) -> Track:
    try:
        return target.add_stream_from_template(track)
    except ValueError:
        raise CommandError(f"RTMP cannot carry {track.codec_context.name}") from None


def _read(source: InputContainer, tracks: Sequence[Track]) -> Iterator[Packet]:
    """The file's packets, without the demuxer's end marks. Raises CommandError."""
    try:
        for packet in source.demux(tracks):
            if packet.dts is not None:
                yield packet
    except av.FFmpegError as error:
        raise CommandError(f"{source.name}: {error.strerror}") from None
