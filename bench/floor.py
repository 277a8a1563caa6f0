"""The floor: what the kernel alone asks for, `python -m bench.floor --port 9000 --tick-ms 100`.

A process makes the synthetic stream itself, as FLV tags, and every tick sends the bytes that fell due to
every player with one `send` each. No ring, no positions, no policy: whoever falls behind is dropped. What a
real server costs above this is what it could still save. Several of them share the port, as workers do.
"""

import argparse
import itertools
import os
import select
import socket
import time

from bench.lines import raise_descriptor_limit
from bench.stream import (
    AAC_HEADER,
    AVC_HEADER,
    KIND_AUDIO,
    KIND_VIDEO,
    Bodies,
    schedule,
    shape_of,
)
from bench.wire import flv

RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\nConnection: close\r\n\r\n" + flv.HEADER


class Source:
    """The stream's tags, as they fall due."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._messages = schedule()
        self._next = next(self._messages)
        self._begin_ns = time.monotonic_ns()
        self.headers = flv.tag(KIND_VIDEO, 0, AVC_HEADER) + flv.tag(KIND_AUDIO, 0, AAC_HEADER)

    def due(self) -> bytes:
        """All tags that fell due since the last call, each stamped with the moment it did."""
        tags = []
        elapsed_ns = time.monotonic_ns() - self._begin_ns
        while self._next.due_ns <= elapsed_ns:
            due = self._next
            body = self._bodies.body(due, self._begin_ns + due.due_ns)
            tags.append(flv.tag(due.kind, due.timestamp_ms, body))
            self._next = next(self._messages)
        return b"".join(tags)


def accept_waiting(listener: socket.socket, newcomers: dict[int, socket.socket]) -> None:
    """Take everybody who is waiting to be accepted."""
    while True:
        try:
            connection, _ = listener.accept()
        except BlockingIOError:
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        newcomers[connection.fileno()] = connection


def admit(newcomers: dict[int, socket.socket], greeting: bytes) -> list[socket.socket]:
    """Greet those who have sent their request; they are players from now on."""
    admitted = []
    for fd, connection in list(newcomers.items()):
        try:
            request = connection.recv(65536)
        except BlockingIOError:
            continue
        del newcomers[fd]
        if request:
            connection.send(greeting)
            admitted.append(connection)
        else:
            connection.close()
    return admitted


def send_to_all(players: list[socket.socket], data: bytes) -> list[socket.socket]:
    """The whole job; those who could not take it all."""
    lost, size = [], len(data)
    for player in players:
        try:
            if player.send(data) != size:
                lost.append(player)
        except OSError:
            lost.append(player)
    return lost


def serve(listener: socket.socket, source: Source, tick_s: float) -> None:
    """As long as the process that began lives."""
    players: list[socket.socket] = []
    newcomers: dict[int, socket.socket] = {}
    begin_s, parent = time.monotonic(), os.getppid()
    for tick in itertools.count(1):
        if os.getppid() != parent:
            return
        while (wait_s := begin_s + tick * tick_s - time.monotonic()) > 0:
            if not select.select([listener, *newcomers.values()], [], [], wait_s)[0]:
                break
            accept_waiting(listener, newcomers)
            players += admit(newcomers, RESPONSE + source.headers)
        data = source.due()
        for player in send_to_all(players, data) if data else ():
            players.remove(player)
            player.close()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tick-ms", type=int, default=100)
    parser.add_argument("--bitrate", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args()
    raise_descriptor_limit()
    for _ in range(given.processes - 1):
        if os.fork() == 0:
            break
    with socket.create_server(("127.0.0.1", given.port), backlog=4096, reuse_port=True) as listener:
        listener.setblocking(False)
        serve(listener, Source(Bodies(shape_of(given.bitrate))), given.tick_ms / 1e3)


if __name__ == "__main__":
    main()
