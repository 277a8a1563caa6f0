"""Films in real time, each to a UDP port: `python -m bench.srt.source --ports 5000,5001 --bitrate 5000000`.

What listens there is libsrt's own tool, which sends each datagram on as one packet. Commands on stdin: `mark`
answers with the books, `stop` ends the films. Ends when its stdin does.
"""

import argparse
import heapq
import select
import socket
import time

from bench.lines import Commands, say
from bench.servers import HOST
from bench.srt.film import Film
from bench.stream import GOP_S, shape_of

NS_PER_S = 1_000_000_000


class Source:
    """Sends the messages of many films when they are due."""

    def __init__(self, ports: list[int], bitrate_bps: int) -> None:
        self._films = [Film(shape_of(bitrate_bps)) for _ in ports]
        self._sockets = [_connected(port) for port in ports]
        # Films begin a little apart: their keyframes must not fall together.
        spacing_ns = GOP_S * NS_PER_S // len(ports)
        now_ns = time.monotonic_ns()
        self._begin_ns = [now_ns + spacing_ns * number for number in range(len(ports))]
        self._heap = [(begin_ns, number) for number, begin_ns in enumerate(self._begin_ns)]
        self.packets, self.bytes = [0] * len(ports), [0] * len(ports)
        self.late_ns = self.refused = 0

    def send_due(self) -> float:
        """Send everything that is due now; seconds until there is more."""
        while self._heap:
            due_ns, number = self._heap[0]
            now_ns = time.monotonic_ns()
            if due_ns > now_ns:
                return (due_ns - now_ns) / NS_PER_S
            self.late_ns = max(self.late_ns, now_ns - due_ns)
            self._send(number)
            following_ns = self._begin_ns[number] + self._films[number].next.due_ns
            heapq.heapreplace(self._heap, (following_ns, number))
        return 1.0

    def _send(self, number: int) -> None:
        for payload in self._films[number].advance():
            try:
                self._sockets[number].send(payload)
            except OSError:  # nobody listens (any more)
                self.refused += 1
                continue
            self.packets[number] += 1
            self.bytes[number] += len(payload)

    def stop(self) -> None:
        """Send nothing more."""
        self._heap.clear()

    def books(self) -> dict[str, object]:
        """Totals by port, and the worst lateness since the last call."""
        late_ms, self.late_ns = self.late_ns / 1e6, 0
        return {"packets": self.packets, "bytes": self.bytes, "late_ms": late_ms, "refused": self.refused}


def _connected(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((HOST, port))
    return sock


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ports", required=True, help="as in 5000,5001")
    parser.add_argument("--bitrate", type=int, default=2_000_000, help="of each film, bits per second")
    given = parser.parse_args()
    commands, source = Commands(), Source([int(port) for port in given.ports.split(",")], given.bitrate)
    say(event="publishing")
    while not commands.ended:
        wait_s = source.send_due()
        if select.select([commands], [], [], wait_s)[0]:
            for words in commands.read():
                if words == ["stop"]:
                    source.stop()
                say(event="mark", **source.books())


if __name__ == "__main__":
    main()
