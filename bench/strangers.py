"""Connections that drip: `python -m bench.strangers --count 5000 --port rtmp=1935 --port http=8080 ...`.

Each says the beginning of something and then a byte a second, as slowloris does, until the server has closed
it. Names of ports say what is begun there (`OPENINGS`); connections are dealt out evenly over all that can be
begun. Commands on stdin: `mark` answers with how many are open, and how long those lived that are gone, by
what they began. Ends when its stdin does.
"""

import argparse
import select
import selectors
import socket
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bench.lines import Commands, raise_descriptor_limit, say
from bench.servers import HOST

DRIP_S: Final = 1.0
TURN_S: Final = 0.05
#: How many connect between two looks at the others: a listener's queue has room for so many.
CONNECT_BATCH: Final = 100
CONNECT_S: Final = 5.0

_HEAD: Final = b"GET /live/bench.flv HTTP/1.1\r\nHost: a\r\nX: "
_UPGRADE: Final = (
    b"GET /live/bench.flv HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX: "
)
#: RTMP's C0 and C1, C2, and the header of a command of 60,000 bytes that never ends (one chunk of 128).
_GREETED: Final = b"\x03" + bytes(2 * 1536) + b"\x03\0\0\0" + (60_000).to_bytes(3, "big") + b"\x14" + bytes(4)
#: A TLS record that announces 512 bytes of ClientHello.
_HELLO: Final = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"

#: By name: the port, and what is said there at once.
OPENINGS: Final[Mapping[str, tuple[str, bytes]]] = MappingProxyType(
    {
        "rtmp handshake": ("rtmp", b"\x03"),
        "rtmp connect": ("rtmp", _GREETED),
        "http head": ("http", _HEAD),
        "websocket head": ("http", _UPGRADE),
        "https hello": ("https", _HELLO),
        "rtmps hello": ("rtmps", _HELLO),
        "api head": ("api", b"GET /api/v1/streams HTTP/1.1\r\nHost: a\r\nX: "),
        "metrics head": ("metrics", b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: "),
    }
)


class Stranger:
    """One connection."""

    __slots__ = ("began_s", "drip_s", "opening", "sock")

    def __init__(self, opening: str, port: int) -> None:
        self.opening = opening
        self.sock = socket.create_connection((HOST, port), CONNECT_S)
        self.began_s = time.monotonic()
        self.drip_s = self.began_s + DRIP_S
        self.sock.setblocking(False)
        self.sock.send(OPENINGS[opening][1])

    def drip(self, now_s: float) -> bool:
        """Say a byte more, if it is time; whether the connection is still there."""
        if now_s < self.drip_s:
            return True
        self.drip_s = now_s + DRIP_S
        try:
            self.sock.send(b"a")
        except BlockingIOError:
            return True
        except OSError:
            return False
        return True

    def is_closed(self) -> bool:
        """Whether the server has ended it; answers are thrown away."""
        try:
            while self.sock.recv(4096):
                pass
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True


class Flock:
    """All of them."""

    def __init__(self, ports: Mapping[str, int], count: int) -> None:
        self._ports = ports
        self._names = [name for name, (port, _) in OPENINGS.items() if port in ports]
        self._wanted = count
        self._begun = 0
        self._selector = selectors.DefaultSelector()
        self._open: dict[int, Stranger] = {}
        self.refused = 0
        self.lived_s: dict[str, list[float]] = {name: [] for name in self._names}

    @property
    def whole(self) -> bool:
        """Whether all have come."""
        return self._begun >= self._wanted

    def turn(self) -> None:
        """Let some come, all that are due drip, and those go that were closed."""
        for _ in range(min(CONNECT_BATCH, self._wanted - self._begun)):
            self._begin(self._names[self._begun % len(self._names)])
        for key, _ in self._selector.select(0):
            if key.data.is_closed():
                self._end(key.data)
        now_s = time.monotonic()
        for stranger in list(self._open.values()):
            if not stranger.drip(now_s):
                self._end(stranger)

    def books(self) -> dict[str, object]:
        """What there is to tell."""
        return {
            "open": len(self._open),
            "begun": self._begun,
            "refused": self.refused,
            "lived_s": self.lived_s,
        }

    def _begin(self, name: str) -> None:
        self._begun += 1
        try:
            stranger = Stranger(name, self._ports[OPENINGS[name][0]])
        except OSError:
            self.refused += 1
            return
        self._open[stranger.sock.fileno()] = stranger
        self._selector.register(stranger.sock, selectors.EVENT_READ, stranger)

    def _end(self, stranger: Stranger) -> None:
        self.lived_s[stranger.opening].append(round(time.monotonic() - stranger.began_s, 3))
        del self._open[stranger.sock.fileno()]
        self._selector.unregister(stranger.sock)
        stranger.sock.close()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--port", action="append", required=True, metavar="NAME=NUMBER")
    given = parser.parse_args()
    raise_descriptor_limit()
    ports = {name: int(number) for name, _, number in (port.partition("=") for port in given.port)}
    commands, flock = Commands(), Flock(ports, given.count)
    said = False
    while not commands.ended:
        if select.select([commands], [], [], 0 if not flock.whole else TURN_S)[0]:
            for _ in commands.read():
                say(event="mark", **flock.books())
        flock.turn()
        if flock.whole and not said:
            said = True
            say(event="ready", **flock.books())


if __name__ == "__main__":
    main()
