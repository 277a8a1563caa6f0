"""HTTP answers on a connection that is kept: where the head ends, and how long the body is."""

from typing import NamedTuple

#: Larger heads are a fault of the server; nginx's own limit for those it passes on is 8 KiB.
MAX_HEAD_BYTES = 8192

_LENGTH = b"\r\ncontent-length:"
_CHUNKED = b"\r\ntransfer-encoding: chunked\r\n"
_WITHOUT_BODY = (204, 304)


class Head(NamedTuple):
    """The head of an answer."""

    status: int
    head_bytes: int
    #: None where the body comes in chunks.
    body_bytes: int | None


def read_head(data: bytes) -> Head | None:
    """The head at the beginning of `data`; None while it is not whole.

    Raises ValueError for what is no answer, or has a body that only the connection's end would end.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0:
        if len(data) > MAX_HEAD_BYTES:
            raise ValueError("a head without end")
        return None
    if not data.startswith(b"HTTP/1.1 "):
        raise ValueError(f"no answer: {data[:20]!r}")
    status = int(data[9:12])
    return Head(status, end + 4, 0 if status in _WITHOUT_BODY else _body_bytes(data[: end + 2].lower()))


def _body_bytes(head: bytes) -> int | None:
    at = head.find(_LENGTH)
    if at < 0 and _CHUNKED in head:
        return None
    if at < 0:
        raise ValueError("an answer of unknown length")
    begin = at + len(_LENGTH)
    return int(head[begin : head.index(b"\r\n", begin)])


class Chunks:
    """Finds the end of a body in chunks (RFC 9112 section 7.1) and keeps none of it. No trailers."""

    def __init__(self) -> None:
        self._pending = b""
        self._skip = 0

    def feed(self, data: bytes) -> bool:
        """More bytes, cut anywhere; whether they end the body. Raises ValueError for what are no chunks."""
        self._pending += data
        while True:
            skipped = min(self._skip, len(self._pending))
            self._skip -= skipped
            self._pending = self._pending[skipped:]
            line, end, rest = self._pending.partition(b"\r\n")
            if self._skip or not end:
                return False
            size = int(line.partition(b";")[0], 16)
            if size == 0:
                return rest == b"\r\n"
            self._skip, self._pending = size + 2, rest


def browser_request(path: str, host: str) -> bytes:
    """A GET as a browser's player sends it, so that heads are as long as in the world."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: keep-alive\r\n"
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) fanlight\r\n"
        f"Accept: */*\r\nOrigin: http://{host}\r\nReferer: http://{host}/\r\n"
        "Accept-Encoding: gzip, deflate\r\nAccept-Language: en-GB,en;q=0.9\r\n\r\n"
    ).encode()
