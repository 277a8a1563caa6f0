"""A flood of SRT inductions from many addresses of loopback: `python -m bench.srt.flood --port 10080`.

Commands on stdin: `mark` answers with what was sent and heard. Ends when its stdin does.
"""

import argparse
import select
import socket
import time

from bench.lines import Commands, say
from bench.servers import HOST
from bench.srt.call import new_call, now_us
from engine.protocols.srt.caller import Caller
from engine.protocols.srt.cookie import Peer

#: All of 127.0.0.0/8 is this machine: every one of these is an address of its own to the server.
ADDRESSES = [f"127.0.{number // 250 + 1}.{number % 250 + 1}" for number in range(200)]
TURN_S = 0.005


class Flood:
    """Sockets at many addresses, and one question."""

    def __init__(self, port: int, rate: float) -> None:
        self._sockets = [_at(address, port) for address in ADDRESSES]
        (self._question,) = Caller(new_call("", 120), Peer(HOST, port), now_us()).poll(now_us())
        self._rate = rate
        self._began_s = time.monotonic()
        self.sent = self.sent_bytes = self.heard = self.heard_bytes = 0

    def turn(self) -> None:
        """Send what is due, and read some answers."""
        due = int((time.monotonic() - self._began_s) * self._rate)
        while self.sent < due:
            sock = self._sockets[self.sent % len(self._sockets)]
            self.sent += 1
            try:
                self.sent_bytes += sock.send(self._question)
            except OSError:  # no room: that one is not sent
                continue
        for sock in self._sockets[:: max(1, len(self._sockets) // 20)]:
            self._hear(sock)

    def _hear(self, sock: socket.socket) -> None:
        try:
            while True:
                self.heard_bytes += len(sock.recv(2048))
                self.heard += 1
        except OSError:
            return

    def books(self) -> dict[str, int]:
        """Totals; only every tenth address listens to answers."""
        return {
            "sent": self.sent,
            "sent_bytes": self.sent_bytes,
            "heard": self.heard,
            "heard_bytes": self.heard_bytes,
        }


def _at(address: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind((address, 0))
    sock.connect((HOST, port))
    return sock


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=float, default=20_000, help="a second")
    given = parser.parse_args()
    commands, flood = Commands(), Flood(given.port, given.rate)
    say(event="ready")
    while not commands.ended:
        if select.select([commands], [], [], TURN_S)[0]:
            for _ in commands.read():
                say(event="mark", **flood.books())
        flood.turn()


if __name__ == "__main__":
    main()
