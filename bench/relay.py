"""A bad network between SRT peers: `python -m bench.relay --route 9000:10080:loss=0.02,delay=30`.

Every datagram that comes to a route's port goes on to its target, each caller's from a socket of its own, and
answers go back the same way. What happens to a datagram is decided by a random number generator per route and
direction, so two routes with the same options and seed do the same to the same number of datagrams.

Commands on stdin: `calm` and `storm` end and begin everything but the delay, `mark` does nothing; each
answers with what has passed so far, and with what this program did wrong: datagrams that left late, and those
that its sockets could not hold. Ends when its stdin does.
"""

import argparse
import heapq
import random
import select
import socket
import struct
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import msgspec

from bench.lines import Commands, say
from bench.servers import HOST
from bench.srt import overflow

MAX_DATAGRAM_BYTES = 2048
BUFFER_BYTES = 4 * 1024 * 1024
#: How much later a datagram comes that is let overtake by others, seconds.
HELD_S = 0.008
#: A datagram that leaves so much after its time, seconds, is counted: the relay's fault, not the weather's.
LATE_S = 0.005
NS = 1e-9

_WORDS = struct.Struct(">II")
_CONTROL_BIT = 1 << 31
_RESENT_BIT = 1 << 26


class Weather(msgspec.Struct, frozen=True):
    """How a way behaves, both directions alike. Times in milliseconds; the others are probabilities."""

    loss: float = 0.0
    #: Mean length of a loss, packets; 1 for losses that know nothing of each other.
    burst: float = 1.0
    delay: float = 0.0
    jitter: float = 0.0
    reorder: float = 0.0
    duplicate: float = 0.0
    seed: int = 1


class Chance:
    """Decides: from one datagram to the delays after which copies of it arrive, seconds; none, it is lost."""

    def __init__(self, weather: Weather, direction: int) -> None:
        self._weather = weather
        #: While it is, nothing but the delay happens.
        self.calm = False
        self._random = random.Random(weather.seed * 2 + direction)
        self._losing = False

    def fates(self) -> list[float]:
        """What happens to the next datagram."""
        weather, chance = self._weather, self._random.random
        if self.calm:
            return [weather.delay / 1000]
        # Every datagram takes the same number of draws, whatever becomes of it.
        lost, copies = self._is_lost(chance()), 2 if chance() < weather.duplicate else 1
        late_s = HELD_S if chance() < weather.reorder else 0.0
        delays_s = [(weather.delay + weather.jitter * chance()) / 1000 + late_s for _ in range(2)]
        return [] if lost else delays_s[:copies]

    def _is_lost(self, draw: float) -> bool:
        """Two states, one that loses and one that does not (Gilbert): mean length and share as configured."""
        loss, burst = self._weather.loss, self._weather.burst
        if burst <= 1:
            return draw < loss
        if not self._losing:
            self._losing = draw < loss / (burst * (1 - loss))
        else:
            self._losing = draw >= 1 / burst
        return self._losing


def _socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
    return sock


@dataclass(eq=False)
class Way:
    """One direction of one caller: where datagrams are read, and how they go on."""

    reads: socket.socket
    writes: socket.socket
    to: tuple[str, int] | None
    chance: Chance
    counts: Counter[str]

    def send(self, datagram: bytes) -> None:
        """Let a datagram arrive."""
        try:
            if self.to is None:
                self.writes.send(datagram)
            else:
                self.writes.sendto(datagram, self.to)
        except OSError:  # nobody there, or no room: lost like others
            self.counts["unsent"] += 1


class Route:
    """One port, its target, and the callers that have come so far."""

    def __init__(self, listen: int, target: int, weather: Weather) -> None:
        self.name = str(listen)
        self.listener = _socket()
        self.listener.bind((HOST, listen))
        self.there, self.back = Counter[str](), Counter[str]()
        self._target = (HOST, target)
        self._chances = Chance(weather, 0), Chance(weather, 1)
        self._callers: dict[tuple[str, int], Way] = {}

    def receive(self) -> Iterator[tuple[Way, bytes]]:
        """What callers sent, and the way that each of these datagrams takes."""
        while (received := _receive(self.listener)) is not None:
            datagram, caller = received
            yield self._callers.get(caller) or self._new_caller(caller), datagram

    def answers(self) -> dict[int, Way]:
        """By descriptor: the ways on which targets answer."""
        return {
            way.writes.fileno(): Way(way.writes, self.listener, caller, self._chances[1], self.back)
            for caller, way in self._callers.items()
        }

    def _new_caller(self, caller: tuple[str, int]) -> Way:
        upstream = _socket()
        upstream.connect(self._target)
        way = Way(self.listener, upstream, None, self._chances[0], self.there)
        self._callers[caller] = way
        return way

    def be_calm(self, calm: bool) -> None:
        """Whether nothing happens to datagrams from now on."""
        for chance in self._chances:
            chance.calm = calm

    def books(self) -> dict[str, object]:
        """Counts of both directions."""
        sockets = [self.listener, *(way.writes for way in self._callers.values())]
        return {
            "there": dict(self.there),
            "back": dict(self.back),
            "overflowed": overflow.at_sockets(sockets),
        }


def _receive(sock: socket.socket) -> tuple[bytes, tuple[str, int]] | None:
    while True:
        try:
            datagram, address = sock.recvfrom(MAX_DATAGRAM_BYTES)
        except BlockingIOError:
            return None
        except OSError:  # an earlier datagram was refused at its end
            continue
        return datagram, address


class Relay:
    """All routes, and what is on its way."""

    def __init__(self, routes: list[Route]) -> None:
        self._routes = routes
        self._poll = select.epoll()
        self._listeners = {route.listener.fileno(): route for route in routes}
        self._upstreams: dict[int, Way] = {}
        self._flying: list[tuple[float, int, Way, bytes]] = []
        self._order = count()
        for descriptor in self._listeners:
            self._poll.register(descriptor, select.EPOLLIN)

    def run(self) -> None:
        """Until stdin ends."""
        commands = Commands()
        self._poll.register(commands, select.EPOLLIN)
        say(event="ready")
        while not commands.ended:
            for descriptor, _ in self._poll.poll(self._wait_s()):
                if descriptor == commands.fd:
                    for words in commands.read():
                        self._obey(words)
                else:
                    self._take(descriptor)
            self._deliver()

    def _obey(self, words: list[str]) -> None:
        if words[0] in ("calm", "storm"):
            for route in self._routes:
                route.be_calm(words[0] == "calm")
        say(event="mark", **{route.name: route.books() for route in self._routes})

    def _wait_s(self) -> float:
        return max(0.0, self._flying[0][0] - time.monotonic()) if self._flying else 0.5

    def _take(self, descriptor: int) -> None:
        route = self._listeners.get(descriptor)
        if route is None:
            way = self._upstreams[descriptor]
            while (received := _receive(way.reads)) is not None:
                self._let_fly(way, received[0])
            return
        for way, datagram in route.receive():
            if way.writes.fileno() not in self._upstreams:
                self._upstreams |= route.answers()
                self._poll.register(way.writes, select.EPOLLIN)
            self._let_fly(way, datagram)

    def _let_fly(self, way: Way, datagram: bytes) -> None:
        fates, now_s = way.chance.fates(), time.monotonic()
        kind = kind_of(datagram)
        way.counts[kind] += 1
        way.counts[f"{kind} lost"] += not fates
        for delay_s in fates:
            heapq.heappush(self._flying, (now_s + delay_s, next(self._order), way, datagram))

    def _deliver(self) -> None:
        now_s = time.monotonic()
        while self._flying and self._flying[0][0] <= now_s:
            due_s, _, way, datagram = heapq.heappop(self._flying)
            way.counts["late"] += now_s - due_s > LATE_S
            way.send(datagram)


def kind_of(datagram: bytes) -> str:
    """What an SRT datagram is: data for the first time, data again, or control."""
    if len(datagram) < _WORDS.size:
        return "other"
    seq, marks = _WORDS.unpack_from(datagram)
    if seq & _CONTROL_BIT:
        return "control"
    return "resent" if marks & _RESENT_BIT else "data"


def route_of(text: str) -> Route:
    """Read "listen:target:loss=0.02,delay=30"."""
    listen, target, *options = text.split(":")
    pairs = [pair.split("=") for pair in ",".join(options).split(",") if pair]
    values = {key: float(value) for key, value in pairs}
    return Route(int(listen), int(target), msgspec.convert(values, Weather, strict=False))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--route", action="append", required=True, help="LISTEN:TARGET:KEY=VALUE,...")
    Relay([route_of(text) for text in parser.parse_args().route]).run()


if __name__ == "__main__":
    main()
