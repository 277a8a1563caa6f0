"""What a player must say before media flows, per protocol: an opening, and one answer to what comes back.

That is all a player needs which is not going to look at its media. RTMP players say everything after the
handshake at once; message stream 1 is what every server gives first.
"""

from collections.abc import Callable
from typing import NamedTuple

from bench.wire import http, rtmp

HTTP_FLV = "http-flv"
WEBSOCKET = "websocket"
RTMP = "rtmp"
PROTOCOLS = (HTTP_FLV, WEBSOCKET, RTMP)


class Dialogue(NamedTuple):
    """How a player of one protocol asks for one stream."""

    #: Sent once connected.
    opening: bytes
    #: Given all bytes received so far: what to send before media flows, or None to wait for more.
    answer: Callable[[bytes], bytes | None]
    #: Sent every few seconds, so that no server takes a player that only reads for dead.
    sign_of_life: bytes


class Refused(Exception):
    """The server answered, and the answer was no."""


def dialogue(protocol: str, host: str, path: str, query: str = "") -> Dialogue:
    """The dialogue for the stream `path` ("app/name"); `query` ("?start=live") is for HTTP only."""
    if protocol == RTMP:
        return _rtmp(host, path)
    target = f"/{path}.flv{query}"
    if protocol == WEBSOCKET:
        return Dialogue(http.upgrade_request(target, host), _head_with_status(101), http.PONG)
    return Dialogue(http.get_request(target, host), _head_with_status(200), b"")


def _head_with_status(status: int) -> Callable[[bytes], bytes | None]:
    expected = b"HTTP/1.1 %d " % status

    def answer(received: bytes) -> bytes | None:
        head, end, _ = received.partition(b"\r\n\r\n")
        if not end:
            return None
        if not head.startswith(expected):
            raise Refused(head.split(b"\r\n")[0].decode("latin-1"))
        return b""

    return answer


def _rtmp(host: str, path: str) -> Dialogue:
    app, _, name = path.rpartition("/")
    commands = (
        rtmp.set_chunk_size()
        + rtmp.connect(app, f"rtmp://{host}/{app}")
        + rtmp.create_stream()
        + rtmp.play(name, stream=1)
    )

    def answer(received: bytes) -> bytes | None:
        if len(received) < rtmp.SERVER_HANDSHAKE_BYTES:
            return None
        return received[1 : 1 + rtmp.HANDSHAKE_BYTES] + commands

    return Dialogue(rtmp.C0C1, answer, rtmp.acknowledgement(0))
