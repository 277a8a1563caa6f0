"""`fanlight publish`: a media file as a live stream, not re-encoded.

FFmpeg's RTMP has no deadline that PyAV could set, and PyAV holds the interpreter's lock while it connects:
a server that accepts and then says nothing would hold this process for ever, deaf to Ctrl-C. So a child
process sends (`sender`), and shows by a byte now and then that it gets on; this one listens for the bytes
and for Ctrl-C. Over SRT a sender of ours does (`srt_sender`), in the same place.
"""

import argparse
import os
import select
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from workers.commands.children import start_module, stop
from workers.commands.errors import EXIT_USAGE, CommandError
from workers.commands.signals import obey_sigterm
from workers.commands.srt_url import EXAMPLE, is_srt, parse_srt_url

SCHEMES: Final = ("rtmp", "rtmps")
STALL_S: Final = 15.0
"""How long the server may take nothing: RTMP servers give up on a silent peer after 5 to 30 s themselves."""
GOODBYE_S: Final = 2.0
"""How long the sender may take to say goodbye to the server."""
BEATS_BYTES: Final = 4096


def run(arguments: argparse.Namespace) -> int:
    """Send the file; the sender's exit code. Raises CommandError, and KeyboardInterrupt after a goodbye."""
    module = sender_module(arguments.url)
    obey_sigterm()
    shown = without_query(arguments.url)
    print(f"publishing {arguments.file} to {shown} (Ctrl-C stops)", flush=True)
    stalled = f"{shown}: the server has taken nothing for {STALL_S:.0f} s"
    return watch(module, sender_arguments(arguments), stalled)


def sender_module(url: str) -> str:
    """Which process sends there. Raises CommandError for what is no address of a stream."""
    if is_srt(url):
        parse_srt_url(url)
        return "workers.commands.srt_sender"
    if not is_stream_address(url):
        raise CommandError(
            f"{url}: not an address like rtmp://host/live/name or {EXAMPLE}", exit_code=EXIT_USAGE
        )
    return "workers.commands.sender"


def is_stream_address(url: str) -> bool:
    """Whether it names a host and a stream for RTMP. FFmpeg would cut a name at a space, and publish what is
    left."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    named = bool(parts.hostname and parts.path.strip("/"))
    return parts.scheme in SCHEMES and named and not any(map(str.isspace, url))


def watch(module: str, arguments: Sequence[str], stalled: str) -> int:
    """Run the sender to its end; its exit code. Raises CommandError with the text `stalled` if it hangs."""
    beats, child_end = os.pipe()
    with open(beats, "rb", buffering=0):
        child = start_module(module, arguments, os.environ, stdout=child_end)
        os.close(child_end)
        try:
            while _is_beating(beats, stalled):
                pass
            return child.wait()
        finally:
            stop(child, GOODBYE_S)


def _is_beating(beats: int, stalled: str) -> bool:
    """Wait for a sign of life; False at the end of all signs."""
    readable, _, _ = select.select([beats], [], [], STALL_S)
    if not readable:
        raise CommandError(stalled)
    return bool(os.read(beats, BEATS_BYTES))


def sender_arguments(arguments: argparse.Namespace) -> list[str]:
    """The sender's command line that does what this command's arguments ask for."""
    options = [f"--{name}" for name in ("loop", "realtime", "reconnect") if getattr(arguments, name)]
    return [*options, "--", arguments.file, arguments.url]


def without_query(url: str) -> str:
    """The address without what may be a key."""
    return url.partition("?")[0]
