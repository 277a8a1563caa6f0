"""Players of stamped films that read everything: `python -m bench.srt.probe --srt 10080 --http 8080`.

Over SRT and over HTTP-FLV: from the moment a frame was made to the moment a player has it, SRT's own latency
included. Commands on stdin: `mark` (answers with what was seen since the last). Ends when its stdin does.
"""

import argparse
import select
import socket
import time
from typing import Protocol

from bench.lines import Commands, say
from bench.probe import summary
from bench.servers import HOST
from bench.srt.call import connect, now_us
from bench.srt.film import read_digits
from bench.wire import flv, http
from engine.protocols.mpegts import Media, TsReader
from engine.protocols.srt.connection import SrtConnection
from engine.protocols.srt.live_events import Gap

READ_BYTES = 1 << 20
MAX_DATAGRAM_BYTES = 2048


class Books:
    """Frames of one player."""

    def __init__(self) -> None:
        self.delays_ms: list[float] = []
        self.frames = self.missing = self.repeats = 0
        self._number = -1
        self._began_ns = time.monotonic_ns()

    def take(self, kind: int, body: bytes) -> None:
        """One message. What was made before this player began is a burst from the past: no delay."""
        stamp = read_digits(kind, body)
        if stamp is None:
            return
        self.frames += 1
        if self._number >= 0:
            self.missing += max(0, stamp.number - self._number - 1)
            self.repeats += stamp.number <= self._number
        self._number = stamp.number
        if stamp.sent_ns > self._began_ns:
            self.delays_ms.append((time.monotonic_ns() - stamp.sent_ns) / 1e6)

    def report(self) -> dict[str, object]:
        """What has gathered; delays since the last call."""
        delays, self.delays_ms = self.delays_ms, []
        counts = {"frames": self.frames, "missing": self.missing, "repeats": self.repeats}
        return {**counts, "delay_ms": summary(delays)}


class Playing(Protocol):
    """A player, whatever it speaks."""

    books: Books
    socket: socket.socket

    def turn(self) -> None:
        """Take what is there and do what is due."""
        ...

    def wait_s(self) -> float:
        """Until something is due."""
        ...


class OverSrt:
    """A player with a receive buffer, and a latency to wait for."""

    def __init__(self, port: int, name: str, latency_ms: int) -> None:
        self.books = Books()
        self.socket, negotiated, self.handshake_s = connect((HOST, port), f"read:{name}", latency_ms)
        self._connection = SrtConnection(negotiated, now_us())
        self._reader = TsReader()
        self.gaps = 0

    def turn(self) -> None:
        """See `Playing`."""
        datagrams = []
        try:
            while True:
                datagrams.append(self.socket.recv(MAX_DATAGRAM_BYTES))
        except BlockingIOError:
            pass
        now = now_us()
        events = self._connection.receive_many(datagrams, now)
        data = b"".join(self._connection.deliver(now))
        for event in self._reader.receive(data, now) if data else ():
            if isinstance(event, Media):
                self.books.take(event.kind, event.body)
        for header, payload in self._connection.poll(now):
            self.socket.sendmsg([header, payload])
        self.gaps += sum(isinstance(event, Gap) for event in [*events, *self._connection.take_events()])

    def wait_s(self) -> float:
        """See `Playing`."""
        return max(0.0, (self._connection.next_deadline_us() - now_us()) * 1e-6)


class OverHttp:
    """A player of HTTP-FLV."""

    def __init__(self, port: int, name: str) -> None:
        self.books = Books()
        self.socket = socket.create_connection((HOST, port))
        self.socket.sendall(http.get_request(f"/{name}.flv", f"{HOST}:{port}"))
        self.socket.setblocking(False)
        self._scanner = http.HeadSkipper(200, flv.Scanner(self.books.take).feed)

    def turn(self) -> None:
        """See `Playing`."""
        try:
            self._scanner.feed(self.socket.recv(READ_BYTES))
        except BlockingIOError:
            return

    def wait_s(self) -> float:
        """See `Playing`."""
        return 1.0


def run(players: dict[str, Playing]) -> None:
    """Until stdin ends."""
    commands = Commands()
    say(event="ready")
    while not commands.ended:
        wait_s = min(player.wait_s() for player in players.values())
        sockets: list[Commands | socket.socket] = [commands, *(player.socket for player in players.values())]
        select.select(sockets, [], [], wait_s)
        for player in players.values():
            player.turn()
        for _ in commands.read():
            say(event="mark", **{name: player.books.report() for name, player in players.items()})


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--srt", type=int, required=True, help="port")
    parser.add_argument("--http", type=int, required=True, help="port")
    parser.add_argument("--name", default="live/bench")
    parser.add_argument("--latency", type=int, default=120, help="milliseconds, of the SRT player")
    given = parser.parse_args()
    run({"srt": OverSrt(given.srt, given.name, given.latency), "http": OverHttp(given.http, given.name)})


if __name__ == "__main__":
    main()
