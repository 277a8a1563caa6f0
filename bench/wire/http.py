"""HTTP and WebSocket as a player speaks them."""

import struct
from collections.abc import Callable

#: A fixed key: nothing here needs it to be secret.
_KEY = "ZmFubGlnaHQtYmVuY2gtcA=="


def get_request(path: str, host: str) -> bytes:
    """A plain GET, as a player of HTTP-FLV sends it."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: fanlight-bench\r\nAccept: */*\r\n\r\n".encode()
    )


def upgrade_request(path: str, host: str) -> bytes:
    """A WebSocket handshake."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: fanlight-bench\r\n"
        f"Upgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {_KEY}\r\n\r\n"
    ).encode()


#: An unasked pong (RFC 6455 section 5.5.3), masked with zeros: a sign of life that needs no reading.
PONG = b"\x8a\x80\0\0\0\0"


class HeadSkipper:
    """Passes on what follows the response head; raises `ValueError` unless the status is the expected one."""

    def __init__(self, status: int, take: Callable[[bytes], None]) -> None:
        self._expected = b"HTTP/1.1 %d " % status
        self._take = take
        self._head = b""
        self._done = False

    def feed(self, data: bytes) -> None:
        """More bytes, cut anywhere."""
        if self._done:
            self._take(data)
            return
        self._head += data
        head, separator, rest = self._head.partition(b"\r\n\r\n")
        if not separator:
            return
        if not head.startswith(self._expected):
            raise ValueError(head.split(b"\r\n")[0].decode("latin-1"))
        self._done = True
        if rest:
            self._take(rest)


class FrameSkipper:
    """Passes on the payloads of a server's binary frames; a close frame raises `ValueError`."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self._pending = bytearray()

    def feed(self, data: bytes) -> None:
        """More bytes, cut anywhere."""
        self._pending += data
        position = 0
        while (span := self._frame(position)) is not None:
            begin, end = span
            self._dispatch(self._pending[position] & 0x0F, bytes(self._pending[begin:end]))
            position = end
        del self._pending[:position]

    def _frame(self, position: int) -> tuple[int, int] | None:
        """Begin and end of the payload of the frame at `position`, or None while it is not whole."""
        have = len(self._pending) - position
        if have < 2:
            return None
        length = self._pending[position + 1] & 0x7F
        wide = {126: 2, 127: 8}.get(length, 0)
        if have < 2 + wide:
            return None
        begin = position + 2 + wide
        if wide:
            (length,) = struct.unpack_from(">H" if wide == 2 else ">Q", self._pending, position + 2)
        return (begin, begin + length) if begin + length <= len(self._pending) else None

    def _dispatch(self, opcode: int, payload: bytes) -> None:
        if opcode == 8:
            raise ValueError(f"closed by the server: {payload!r}")
        if opcode in (0, 2):
            self._take(payload)
