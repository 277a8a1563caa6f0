"""The process that sends for `fanlight publish` over SRT: `python -m workers.commands.srt_sender [options] --
FILE URL`.

PyAV packs the file's packets into a transport stream in memory, as they are, and `srt_link` sends it. For the
rest this is `sender`: options, signs of life, reconnecting, and how failures are told.
"""

import io
import sys
import time
from contextlib import suppress
from typing import Final

import av
from av.container import InputContainer, OutputContainer

from workers.commands import sender
from workers.commands.errors import CommandError
from workers.commands.publish import without_query
from workers.commands.remux import open_file, packets, tracks_of
from workers.commands.sender import Pulse
from workers.commands.srt_link import SrtLink, connect
from workers.commands.srt_url import parse_srt_url

CODECS: Final = frozenset({"h264", "hevc", "aac", "mp3", "mp2", "opus", "ac3", "eac3"})
"""What a transport stream has a stream type or a registered descriptor for. FFmpeg packs the others as
private data that nobody can read."""

MUXER: Final = {"flush_packets": "1", "pes_payload_size": "0"}
"""Nothing waits in FFmpeg: no packet in its buffer, and no sound for up to 0.35 s of more sound."""


class Film:
    """The transport stream in memory: FFmpeg writes, the link takes.

    What PyAV calls as `write` is a buffer's own method, in C. In one of ours a Ctrl-C could be raised, and
    what is raised inside PyAV's callback is printed and forgotten: the command would go on.
    """

    def __init__(self) -> None:
        self._written = io.BytesIO()
        self.write = self._written.write

    def take(self) -> bytes:
        """All that was written since it was last taken."""
        taken = self._written.getvalue()
        self._written.seek(0)
        self._written.truncate()
        return taken


def send_file(path: str, url: str, pulse: Pulse, *, loop: bool, realtime: bool) -> None:
    """Send the file once, or for ever if `loop`. Raises ConnectionLost, CommandError."""
    address = parse_srt_url(url)
    with open_file(path) as source:
        check_codecs(source)
        with connect(address, without_query(url), pulse, realtime=realtime) as link:
            send_packets(source, link, loop=loop, realtime=realtime)


def check_codecs(source: InputContainer) -> None:
    """Raise CommandError for a track that a transport stream cannot carry."""
    for track in tracks_of(source):
        name = track.codec_context.codec.canonical_name
        if name not in CODECS:
            raise CommandError(f"SRT carries MPEG-TS, which cannot carry {name}")


def send_packets(source: InputContainer, link: SrtLink, *, loop: bool, realtime: bool) -> None:
    """Pack and send, each packet in its time. Raises ConnectionLost, CommandError."""
    film = Film()
    target = av.open(film, "w", format="mpegts", options=MUXER)
    try:
        _send_each(source, target, film, link, loop=loop, realtime=realtime)
    finally:
        with suppress(OSError, av.FFmpegError):
            target.close()
    link.give(film.take())
    link.finish()


def _send_each(
    source: InputContainer, target: OutputContainer, film: Film, link: SrtLink, *, loop: bool, realtime: bool
) -> None:
    began_s = time.monotonic()
    for packet, at_s in packets(source, target, loop=loop):
        # Late packets go at once: after a stall the stream catches up instead of staying behind.
        link.serve_until(began_s + at_s if realtime else 0)
        try:
            target.mux(packet)
        except av.FFmpegError as error:
            raise CommandError(f"{source.name}: {error.strerror}") from None
        link.give(film.take())


if __name__ == "__main__":
    sys.exit(sender.main(send=send_file))
