"""`fanlight publish`: a media file as a live stream, not re-encoded."""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

import av
from av.container import OutputContainer

from workers.commands.errors import EXIT_OK, EXIT_USAGE, CommandError
from workers.commands.remux import open_file, packets
from workers.commands.signals import obey_sigterm
from workers.commands.watched import STALL_S, Watch, run_watched

SCHEMES: Final = ("rtmp", "rtmps")
RECONNECT_S: Final = (1.0, 2.0, 4.0, 8.0)
"""Pauses between attempts to connect again; the last one for ever."""
LONG_ENOUGH_S: Final = 10.0
"""A connection that held so long makes the next pause a short one again."""


class ConnectionLost(CommandError):
    """The other side is not there, or not any more."""


def run(arguments: argparse.Namespace) -> int:
    """Send the file; returns when it is sent, raises CommandError when it cannot be."""
    if urlsplit(arguments.url).scheme not in SCHEMES:
        raise CommandError(
            f"{arguments.url}: not an address like rtmp://host/live/name", exit_code=EXIT_USAGE
        )
    obey_sigterm()
    shown = without_query(arguments.url)
    print(f"publishing {arguments.file} to {shown} (Ctrl-C stops)", flush=True)
    stalled = f"{shown}: the server has taken nothing for {STALL_S:.0f} s"
    run_watched(lambda watch: _publish(arguments, watch), stalled)
    return EXIT_OK


def _publish(arguments: argparse.Namespace, watch: Watch) -> None:
    attempt = 0
    while True:
        began = time.monotonic()
        try:
            send_file(arguments.file, arguments.url, watch, loop=arguments.loop, realtime=arguments.realtime)
        except ConnectionLost as error:
            if not arguments.reconnect:
                raise
            attempt = 0 if time.monotonic() - began > LONG_ENOUGH_S else attempt
            pause_s = RECONNECT_S[min(attempt, len(RECONNECT_S) - 1)]
            print(f"{error}; trying again in {pause_s:.0f} s", flush=True)
            watch.sleep(pause_s)
            attempt += 1
        else:
            return


def send_file(path: str, url: str, watch: Watch, *, loop: bool, realtime: bool) -> None:
    """Send the file once, or for ever if `loop`. Raises ConnectionLost, CommandError, Stopped."""
    with open_file(path) as source:
        target = av.open(url, "w", format="flv", options={"flvflags": "no_duration_filesize"})
        began = time.monotonic()
        try:
            for packet, at_s in packets(source, target, loop=loop):
                if realtime:
                    _wait_until(began + at_s, watch)
                with watch.waiting(), lost(url):
                    target.mux(packet)
        finally:
            _close(target, watch)


def _wait_until(due: float, watch: Watch) -> None:
    # Late packets go at once: after a stall the stream catches up instead of staying behind for ever.
    ahead_s = due - time.monotonic()
    if ahead_s > 0:
        watch.sleep(ahead_s)


def _close(target: OutputContainer, watch: Watch) -> None:
    """Say goodbye. After a failure this may fail as well, and the first failure is the one to tell."""
    with watch.waiting(even_if_stopped=True), suppress(OSError, av.FFmpegError):
        target.close()


@contextmanager
def lost(url: str) -> Iterator[None]:
    """Around what needs the other side: its failures become ConnectionLost."""
    try:
        yield
    except (OSError, av.FFmpegError) as error:
        raise ConnectionLost(f"{without_query(url)}: {error.strerror}") from None


def without_query(url: str) -> str:
    """The address without what may be a key."""
    return url.partition("?")[0]
