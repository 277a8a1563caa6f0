"""Publishes synthetic streams over RTMP, paced by the clock: `python -m bench.publisher --port 1935`.

One process, any number of streams. Messages are sent when they are due, each stamped at that moment, so
lateness of this process shows as lateness and not as somebody else's latency. Ends when its stdin does.
"""

import argparse
import heapq
import select
import socket
import time
from collections.abc import Iterator

from bench.lines import Commands, say
from bench.stream import (
    AAC_HEADER,
    AVC_HEADER,
    KIND_AUDIO,
    KIND_SCRIPT,
    KIND_VIDEO,
    Bodies,
    Due,
    schedule,
    shape_of,
)
from bench.wire import rtmp

DIALOGUE_S = 10.0


class PublishRefused(Exception):
    """The server did not let us publish."""


class Publisher:
    """One connection that publishes one stream."""

    def __init__(self, host: str, port: int, app: str, name: str, bodies: Bodies) -> None:
        self.name = name
        self._bodies = bodies
        self._socket = socket.create_connection((host, port), DIALOGUE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answers: list[tuple[int, bytes]] = []
        self._scanner = rtmp.Scanner(lambda kind, body: self._answers.append((kind, body)))
        self._messages: Iterator[Due] = schedule()
        self.next: Due = next(self._messages)
        self._handshake()
        self._dialogue(app, name, f"rtmp://{host}:{port}/{app}")

    def fileno(self) -> int:
        """For select."""
        return self._socket.fileno()

    def send_next(self) -> int:
        """Send the message that is due; bytes of its body."""
        due = self.next
        body = self._bodies.body(due, time.monotonic_ns())
        self._send(due.kind, body, due.timestamp_ms)
        self.next = next(self._messages)
        return len(body)

    def drop_answers(self) -> None:
        """Throw away what the server says while we publish."""
        try:
            if not self._socket.recv(65536, socket.MSG_DONTWAIT):
                raise PublishRefused(f"{self.name}: closed by the server")
        except BlockingIOError:
            pass

    def close(self) -> None:
        """End the stream by closing its connection."""
        self._socket.close()

    def _handshake(self) -> None:
        self._socket.sendall(rtmp.C0C1)
        hello = self._exactly(rtmp.SERVER_HANDSHAKE_BYTES)
        self._socket.sendall(hello[1 : 1 + rtmp.HANDSHAKE_BYTES])

    def _dialogue(self, app: str, name: str, url: str) -> None:
        self._socket.sendall(rtmp.set_chunk_size() + rtmp.connect(app, url))
        self._await(b"_result")
        self._socket.sendall(rtmp.create_stream())
        self._stream = rtmp.stream_number(self._await(b"_result"))
        self._socket.sendall(rtmp.publish(name, self._stream))
        self._await(b"NetStream.Publish.Start")
        self._socket.settimeout(None)
        self._send(KIND_SCRIPT, rtmp.amf("@setDataFrame", "onMetaData", METADATA), 0)
        self._send(KIND_VIDEO, AVC_HEADER, 0)
        self._send(KIND_AUDIO, AAC_HEADER, 0)

    def _send(self, kind: int, body: bytes, timestamp_ms: int) -> None:
        csid = 4 if kind == KIND_AUDIO else 6
        self._socket.sendall(
            rtmp.message(kind, body, csid=csid, stream=self._stream, timestamp_ms=timestamp_ms)
        )

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self._socket.recv(size - len(data))
            if not piece:
                raise PublishRefused(f"{self.name}: closed in the handshake")
            data += piece
        return data

    def _await(self, needle: bytes) -> bytes:
        """The body of the command that holds `needle`; anything that says error is a refusal."""
        while True:
            for kind, body in self._answers:
                if kind == rtmp.COMMAND and b"error" in body:
                    raise PublishRefused(f"{self.name}: {body!r}")
                if kind == rtmp.COMMAND and needle in body:
                    self._answers.clear()
                    return body
            self._answers.clear()
            data = self._socket.recv(65536)
            if not data:
                raise PublishRefused(f"{self.name}: closed by the server")
            self._scanner.feed(data)


METADATA: dict[str, str | float] = {
    "width": 1280.0,
    "height": 720.0,
    "framerate": 30.0,
    "videocodecid": 7.0,
    "audiocodecid": 10.0,
    "audiosamplerate": 44100.0,
    "encoder": "fanlight-bench",
}


class Pacer:
    """Sends the messages of many publishers when they are due, and keeps the books."""

    def __init__(self, publishers: list[Publisher]) -> None:
        self._publishers = publishers
        begin_ns = time.monotonic_ns()
        # Streams begin a little apart, as they do in the world: their keyframes must not fall together.
        spacing_ns = 2_000_000_000 // max(1, len(publishers))
        self._begin_ns = [begin_ns + number * spacing_ns for number in range(len(publishers))]
        self._heap = [(begin, number) for number, begin in enumerate(self._begin_ns)]
        self.sent_messages = self.sent_bytes = self.late_ns = 0

    def send_due(self) -> float:
        """Send everything that is due now; seconds until there is more."""
        while True:
            due_ns, number = self._heap[0]
            now_ns = time.monotonic_ns()
            if due_ns > now_ns:
                return (due_ns - now_ns) / 1e9
            self.late_ns = max(self.late_ns, now_ns - due_ns)
            publisher = self._publishers[number]
            self.sent_bytes += publisher.send_next()
            self.sent_messages += 1
            heapq.heapreplace(self._heap, (self._begin_ns[number] + publisher.next.due_ns, number))

    def books(self) -> dict[str, float]:
        """Totals, and the worst lateness since the last call."""
        late_ms, self.late_ns = self.late_ns / 1e6, 0
        cpu_s = time.process_time()
        return {
            "messages": self.sent_messages,
            "bytes": self.sent_bytes,
            "late_ms": late_ms,
            "cpu_s": cpu_s,
        }


def run(publishers: list[Publisher]) -> None:
    """Publish until stdin ends; `mark` answers with the books."""
    commands, pacer = Commands(), Pacer(publishers)
    sources: list[Commands | Publisher] = [commands, *publishers]
    say(event="publishing", streams=[publisher.name for publisher in publishers])
    while not commands.ended:
        wait_s = pacer.send_due()
        readable, _, _ = select.select(sources, [], [], wait_s)
        for source in readable:
            if isinstance(source, Publisher):
                source.drop_answers()
            else:
                for _ in source.read():
                    say(event="mark", **pacer.books())


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--app", default="live")
    parser.add_argument("--name", default="bench", help="of the stream; a number is added from two on")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--bitrate", type=int, default=1_000_000, help="of each stream, bits per second")
    given = parser.parse_args()
    bodies = Bodies(shape_of(given.bitrate))
    names = [given.name + (str(number) if given.count > 1 else "") for number in range(given.count)]
    try:
        run([Publisher(given.host, given.port, given.app, name, bodies) for name in names])
    except (OSError, PublishRefused) as error:
        say(event="failed", reason=str(error))


if __name__ == "__main__":
    main()
