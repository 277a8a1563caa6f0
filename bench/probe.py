"""Players that read everything: `python -m bench.probe --port 8080 --protocol http-flv --count 3`.

Each frame carries its number and the moment its publisher sent it, so a probe knows its delay from the
publisher's socket to its own, whether a number is missing, and how long it waited for its first keyframe.
Frames older than the probe are a burst from the past and count for numbering, not for delay. Commands on
stdin: `mark` (answers with what was seen since the last), `renew` (half of the probes leave and join anew,
behind everybody who has joined since), `join COUNT RATE` (short visits that end at the first keyframe;
answers with how long they waited). Ends when its stdin does.
"""

import argparse
import itertools
import selectors
import socket
import time
from collections import Counter
from collections.abc import Sequence

from bench.dialogue import PROTOCOLS, RTMP, WEBSOCKET, Dialogue, Refused, dialogue
from bench.lines import Commands, say
from bench.stream import read_stamp
from bench.wire import flv, http, rtmp

VISIT_DEADLINE_S = 10.0


class Probe:
    """One player that parses what it gets."""

    def __init__(self, address: tuple[str, int], protocol: str, said: Dialogue) -> None:
        self.began_ns = time.monotonic_ns()
        self.delays_ms: list[float] = []
        self.first_keyframe_ms: float | None = None
        #: Of the newest keyframe.
        self.key_sent_ns = self.key_received_ns = 0
        self.received_bytes = self.frames = self.gaps = self.repeats = 0
        self._number = -1
        self._now_ns = self.began_ns
        self._opening: bytes | None = b""
        self._dialogue = said
        self._scanner = self._scanner_of(protocol)
        self.socket = socket.create_connection(address, VISIT_DEADLINE_S)
        self.socket.sendall(said.opening)
        self.socket.setblocking(False)
        self._handshake_bytes = rtmp.SERVER_HANDSHAKE_BYTES if protocol == RTMP else 0

    def receive(self) -> None:
        """Read what is there; raises `Refused` when the server ends it."""
        data = self.socket.recv(1 << 20)
        self._now_ns = time.monotonic_ns()
        if not data:
            raise Refused("closed")
        self.received_bytes += len(data)
        if self._opening is not None:
            data = self._converse(data)
        if data:
            self._scanner.feed(data)

    def _converse(self, data: bytes) -> bytes:
        """Take part in the dialogue; what remains for the scanner."""
        assert self._opening is not None
        self._opening += data
        answer = self._dialogue.answer(self._opening)
        if answer is None:
            return b""
        if answer:
            self.socket.sendall(answer)
        # The scanners of HTTP skip the response head themselves; that of RTMP begins after the handshake.
        rest, self._opening = self._opening[self._handshake_bytes :], None
        return rest

    def _scanner_of(self, protocol: str) -> "rtmp.Scanner | http.HeadSkipper":
        if protocol == RTMP:
            return rtmp.Scanner(self._take)
        tags = flv.Scanner(self._take)
        if protocol == WEBSOCKET:
            return http.HeadSkipper(101, http.FrameSkipper(tags.feed).feed)
        return http.HeadSkipper(200, tags.feed)

    def _take(self, kind: int, body: bytes) -> None:
        stamp = read_stamp(kind, body) if kind in (8, 9) else None
        if stamp is None:
            return
        if self.first_keyframe_ms is None:
            if not stamp.key:
                return  # a picture begins at its first keyframe, and so do the books
            self.first_keyframe_ms = (self._now_ns - self.began_ns) / 1e6
        if stamp.key:
            self.key_sent_ns, self.key_received_ns = stamp.sent_ns, self._now_ns
        self.frames += 1
        if self._number >= 0:
            self.gaps += max(0, stamp.number - self._number - 1)
            self.repeats += stamp.number <= self._number
        self._number = stamp.number
        if stamp.sent_ns > self.began_ns:
            self.delays_ms.append((self._now_ns - stamp.sent_ns) / 1e6)

    def close(self) -> None:
        """Leave."""
        self.socket.close()


class Panel:
    """Some probes that stay, and visits that do not."""

    def __init__(self, address: tuple[str, int], protocol: str, said: Sequence[Dialogue], count: int) -> None:
        self._address, self._protocol = address, protocol
        self._dialogues = itertools.cycle(said)
        self._selector = selectors.DefaultSelector()
        self._commands = Commands()
        self._selector.register(self._commands, selectors.EVENT_READ)
        self._staying = [self._begin() for _ in range(count)]
        self._visits: dict[Probe, None] = {}
        self._waited_ms: list[float] = []
        #: Counts of the probes that have left.
        self._past: Counter[str] = Counter(bytes=0, frames=0, gaps=0, repeats=0)
        self._gone: set[Probe] = set()
        self.lost: list[str] = []

    def run(self) -> None:
        """Until stdin ends."""
        say(event="ready")
        while not self._commands.ended:
            self._turn(1.0)

    def _turn(self, timeout_s: float) -> None:
        for key, _ in self._selector.select(timeout_s):
            if isinstance(key.fileobj, Commands):
                for words in self._commands.read():
                    self._obey(words)
            elif key.data.socket.fileno() >= 0:  # a command of this same turn may have closed it
                self._serve(key.data)

    def _begin(self) -> Probe:
        probe = Probe(self._address, self._protocol, next(self._dialogues))
        self._selector.register(probe.socket, selectors.EVENT_READ, probe)
        return probe

    def _end(self, probe: Probe) -> None:
        self._selector.unregister(probe.socket)
        self._visits.pop(probe, None)
        probe.close()

    def _serve(self, probe: Probe) -> None:
        try:
            probe.receive()
        except (OSError, Refused, ValueError) as error:
            self.lost.append(str(error) or error.__class__.__name__)
            self._gone.add(probe)
            self._end(probe)
            return
        if probe in self._visits and probe.first_keyframe_ms is not None:
            self._waited_ms.append(probe.first_keyframe_ms)
            self._end(probe)

    def _obey(self, words: list[str]) -> None:
        match words:
            case ["mark"]:
                say(event="mark", **self._books())
            case ["renew"]:
                self._renew()
                say(event="renewed")
            case ["join", count, rate]:
                self._visit(int(count), 1 / float(rate))
                say(event="visited", waited_ms=summary(self._waited_ms), lost=self.lost)
            case _:
                say(event="failed", reason=f"unknown command {words}")

    def _renew(self) -> None:
        old, self._staying = (
            self._staying[: len(self._staying) // 2],
            self._staying[len(self._staying) // 2 :],
        )
        for probe in old:
            self._retire(probe)
            self._staying.append(self._begin())

    def _retire(self, probe: Probe) -> None:
        """A probe that has stayed leaves; what it counted remains."""
        self._past.update(_counts(probe))
        if probe not in self._gone:
            self._end(probe)
        self._gone.discard(probe)

    def _visit(self, count: int, gap_s: float) -> None:
        self._waited_ms.clear()
        next_s = time.monotonic()
        deadline_s = next_s + count * gap_s + VISIT_DEADLINE_S
        while (count or self._visits) and (now_s := time.monotonic()) < deadline_s:
            if count and now_s >= next_s:
                self._visits[self._begin()] = None
                count -= 1
                next_s += gap_s
            self._turn(max(0.0, next_s - time.monotonic()) if count else 0.05)
        for probe in list(self._visits):
            self.lost.append("no keyframe in time")
            self._end(probe)

    def _books(self) -> dict[str, object]:
        counts = self._past.copy()
        for probe in self._staying:
            counts.update(_counts(probe))
        delays = [delay for probe in self._staying for delay in probe.delays_ms]
        for probe in self._staying:
            probe.delays_ms.clear()
        return {
            "delay_ms": summary(delays),
            "first_keyframe_ms": [probe.first_keyframe_ms for probe in self._staying],
            **counts,
            "lost": self.lost,
            "cpu_s": time.process_time(),
        }


def _counts(probe: Probe) -> Counter[str]:
    return Counter(bytes=probe.received_bytes, frames=probe.frames, gaps=probe.gaps, repeats=probe.repeats)


def summary(values: Sequence[float]) -> dict[str, float]:
    """Count, median, p90, p99 and maximum."""
    if not values:
        return {"count": 0}
    ordered = sorted(values)
    places = {f"p{part}": ordered[min(len(ordered) - 1, len(ordered) * part // 100)] for part in (50, 90, 99)}
    return {"count": len(ordered), **places, "max": ordered[-1]}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--protocol", choices=PROTOCOLS, required=True)
    parser.add_argument("--path", default="live/bench")
    parser.add_argument("--query", default="")
    parser.add_argument("--streams", type=int, default=1, help="take turns over so many numbered paths")
    parser.add_argument("--count", type=int, default=3, help="probes that stay")
    given = parser.parse_args()
    host, streams = f"{given.host}:{given.port}", given.streams
    paths = [f"{given.path}{number}" for number in range(streams)] if streams > 1 else [given.path]
    said = [dialogue(given.protocol, host, path, given.query) for path in paths]
    Panel((given.host, given.port), given.protocol, said, given.count).run()


if __name__ == "__main__":
    main()
