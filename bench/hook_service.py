"""A hook service with moods: `python -m bench.hook_service --folder FOLDER`.

It listens on a plain port and on one with TLS, whose certificate nobody has signed and is left in the folder,
and says where. Commands on stdin: `mood NAME` (from the next call on), `mark` (answers with how many calls
came). Ends when its stdin does.
"""

import argparse
import contextlib
import select
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from bench.certificate import write_certificate
from bench.lines import Commands, say
from bench.servers import HOST

HEALTHY: Final = "healthy"
HANG_S: Final = 60.0
DRIP_S: Final = 1.0
GIGABYTE: Final = 1 << 30
BLOCK: Final = bytes(64 * 1024)
RESET_AT_CLOSE: Final = b"\x01\x00\x00\x00\x00\x00\x00\x00"
"""struct linger: closing is a reset."""

_OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"


class Enough(Exception):
    """Nothing more will be said on this connection."""


def answer(sock: socket.socket) -> None:
    """As a service should."""
    sock.sendall(_OK % 1 + b"0")


def hang(_sock: socket.socket) -> None:
    """Takes everything and says nothing."""
    time.sleep(HANG_S)
    raise Enough


def reset(sock: socket.socket) -> None:
    """Slams the door once the question is there."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
    raise Enough


def fail(sock: socket.socket) -> None:
    """500 each time."""
    sock.sendall(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")


def drip(sock: socket.socket) -> None:
    """A byte a second: never silent for long, and never done."""
    for byte in _OK % 1000 + bytes(1000):
        sock.sendall(bytes((byte,)))
        time.sleep(DRIP_S)


def redirect(sock: socket.socket) -> None:
    """To where nobody should be led."""
    sock.sendall(b"HTTP/1.1 307 There\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n")


def send_a_gigabyte(sock: socket.socket) -> None:
    """As fast as it is taken."""
    sock.sendall(_OK % GIGABYTE)
    for _ in range(GIGABYTE // len(BLOCK)):
        sock.sendall(BLOCK)


MOODS: Final[Mapping[str, Callable[[socket.socket], None]]] = MappingProxyType(
    {
        HEALTHY: answer,
        "hang": hang,
        "reset": reset,
        "error": fail,
        "drip": drip,
        "redirect": redirect,
        "gigabyte": send_a_gigabyte,
    }
)


class Server(socketserver.ThreadingTCPServer):
    """One port; a thread for each connection, since most moods are to keep one waiting."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__((HOST, 0), socketserver.BaseRequestHandler)
        self.mood = HEALTHY
        self.calls = 0
        self._context = context

    @property
    def port(self) -> int:
        port: int = self.server_address[1]
        return port

    def finish_request(self, request: object, client_address: object) -> None:
        """Serve one connection to its end."""
        assert isinstance(request, socket.socket)
        # The client had enough, or we have.
        with contextlib.suppress(OSError, Enough), self._inside(request) as sock:
            self._serve(sock)

    def shutdown_request(self, request: object) -> None:
        """Nothing: it is closed, and perhaps not politely."""

    def _inside(self, sock: socket.socket) -> socket.socket:
        return sock if self._context is None else self._context.wrap_socket(sock, server_side=True)

    def _serve(self, sock: socket.socket) -> None:
        with sock.makefile("rb") as calls:
            while read_call(calls.readline, calls.read):
                self.calls += 1
                MOODS[self.mood](sock)


def read_call(read_line: Callable[[], bytes], read: Callable[[int], bytes]) -> bool:
    """Take one request and throw it away; False at the end."""
    size = 0
    while (line := read_line()).strip():
        name, _, value = line.partition(b":")
        size = int(value) if name.lower() == b"content-length" else size
    return bool(line) and len(read(size)) == size


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*write_certificate(parser.parse_args().folder))
    servers = {"http": Server(), "https": Server(context)}
    for server in servers.values():
        threading.Thread(target=server.serve_forever, daemon=True).start()
    say(event="ready", **{scheme: server.port for scheme, server in servers.items()})
    commands = Commands()
    while not commands.ended:
        select.select([commands], [], [])
        for words in commands.read():
            _obey(servers, words)


def _obey(servers: Mapping[str, Server], words: list[str]) -> None:
    match words:
        case ["mood", mood] if mood in MOODS:
            for server in servers.values():
                server.mood = mood
            say(event="mood", mood=mood)
        case ["mark"]:
            say(event="mark", **{scheme: server.calls for scheme, server in servers.items()})
        case _:
            say(event="failed", reason=f"unknown command {words}")


if __name__ == "__main__":
    main()
