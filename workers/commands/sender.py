"""The process that sends for `fanlight publish`: `python -m workers.commands.sender [options] -- FILE URL`.

It writes a byte to standard output now and then as long as it gets on, sleeping or sending; see `publish`
for why.
"""

import argparse
import errno
import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final, Protocol

import av
import av.logging

from workers.commands.errors import EXIT_INTERRUPTED, EXIT_OK, CommandError
from workers.commands.publish import without_query
from workers.commands.remux import open_file, packets
from workers.commands.signals import obey_sigterm

BEAT_S: Final = 0.5
RECONNECT_S: Final = (1.0, 2.0, 4.0, 8.0)
"""Pauses between attempts to connect again; the last one for ever."""
LONG_ENOUGH_S: Final = 10.0
"""A connection that held so long makes the next pause a short one again."""
SERVER_SAYS: Final = "Server error: "
NOT_CONNECTED: Final = "Cannot open connection "
"""How FFmpeg's rtmpproto.c begins to tell of a refusal, and of a connection that never was."""


class ConnectionLost(CommandError):
    """The server is not there, or not any more."""


class Pulse:
    """Signs of life on a descriptor, and sleep that does not look like death."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._next_s = 0.0

    def beat(self) -> None:
        """Give a sign of life if one is due. Raises BrokenPipeError if nobody watches any more."""
        now_s = time.monotonic()
        if now_s >= self._next_s:
            os.write(self._descriptor, b".")
            self._next_s = now_s + BEAT_S

    def sleep_until(self, due_s: float) -> None:
        """Sleep to a moment of time.monotonic(); not at all if it has passed."""
        self.beat()
        while (left_s := due_s - time.monotonic()) > 0:
            time.sleep(min(left_s, BEAT_S))
            self.beat()


class SendFile(Protocol):
    """What sends a file once over one connection: `send_file` here, or that of another protocol."""

    def __call__(self, path: str, url: str, pulse: Pulse, *, loop: bool, realtime: bool) -> None:
        """Raises ConnectionLost, CommandError."""


def main(argv: Sequence[str] | None = None, send: SendFile | None = None) -> int:
    """Send until the file ends, the connection is lost for good, or SIGTERM; the exit code."""
    obey_sigterm()
    hear_ffmpeg()
    try:
        _send(_parser().parse_args(argv), Pulse(sys.stdout.fileno()), send or send_file)
    except CommandError as error:
        for line in error.lines:
            print(f"fanlight: {line}", file=sys.stderr)
        return error.exit_code
    except (KeyboardInterrupt, BrokenPipeError):
        return EXIT_INTERRUPTED
    return EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fanlight publish")
    for option in ("--loop", "--realtime", "--reconnect"):
        parser.add_argument(option, action="store_true")
    parser.add_argument("file")
    parser.add_argument("url")
    return parser


def _send(arguments: argparse.Namespace, pulse: Pulse, send: SendFile) -> None:
    attempt = 0
    while True:
        began_s = time.monotonic()
        try:
            send(arguments.file, arguments.url, pulse, loop=arguments.loop, realtime=arguments.realtime)
        except ConnectionLost as error:
            if not arguments.reconnect:
                raise
            attempt = 0 if time.monotonic() - began_s > LONG_ENOUGH_S else attempt
            pause_s = RECONNECT_S[min(attempt, len(RECONNECT_S) - 1)]
            print(f"fanlight: {error}; trying again in {pause_s:.0f} s", file=sys.stderr, flush=True)
            pulse.sleep_until(time.monotonic() + pause_s)
            attempt += 1
        else:
            return


def send_file(path: str, url: str, pulse: Pulse, *, loop: bool, realtime: bool) -> None:
    """Send the file once, or for ever if `loop`. Raises ConnectionLost, CommandError."""
    with open_file(path) as source:
        target = av.open(url, "w", format="flv", options={"flvflags": "no_duration_filesize"})
        began_s = time.monotonic()
        try:
            for packet, at_s in packets(source, target, loop=loop):
                # Late packets go at once: after a stall the stream catches up instead of staying behind.
                pulse.sleep_until(began_s + at_s if realtime else 0)
                with lost(url):
                    target.mux(packet)
        finally:
            # After a failure the goodbye may fail as well, and the first failure is the one to tell.
            with suppress(OSError, av.FFmpegError):
                target.close()


@contextmanager
def lost(url: str) -> Iterator[None]:
    """Around what needs the server: its failures become ConnectionLost."""
    try:
        yield
    except (OSError, av.FFmpegError) as error:
        raise ConnectionLost(f"{without_query(url)}: {what_happened(error)}") from None


def what_happened(error: OSError | av.FFmpegError) -> str:
    """The server's own words if it refused; otherwise FFmpeg's, where they say something."""
    _level, _where, message = getattr(error, "log", None) or (0, "", "")
    if message.startswith(SERVER_SAYS):
        return f"refused: {message.removeprefix(SERVER_SAYS).strip()}"
    if message.startswith(NOT_CONNECTED) and error.errno == errno.EIO:
        return "no connection; is there a host of this name?"
    return str(error.strerror)


def hear_ffmpeg() -> None:
    """Have FFmpeg's errors carry its last words, which alone tell why a server refused; print nothing."""
    heard = logging.getLogger("libav")
    heard.addHandler(logging.NullHandler())
    heard.propagate = False
    av.logging.set_level(av.logging.ERROR)


if __name__ == "__main__":
    sys.exit(main())
