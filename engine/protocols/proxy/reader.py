"""Reads one PROXY header, version 1 or 2, from the bytes before everything else on a connection.

The reader says how many bytes of what it is shown belong to the header, and never takes one more: what
comes behind it is for whoever speaks next, who may be TLS in the kernel's buffer still. So a caller looks
at what has come without taking it (MSG_PEEK), and then takes what the reader says.

    used = reader.receive(peeked)       # raises RemoteProtocolError
    if reader.header is not None: ...

Which of the two versions it is shows in the first twelve bytes; a client that speaks neither is refused
there. Nothing is guessed: whether there is a header at all is known from the configuration and the sender's
address.
"""

import ipaddress
from collections.abc import Callable
from typing import Final

import msgspec

from engine.protocols.proxy.errors import LocalProtocolError, RemoteProtocolError
from engine.protocols.proxy.limits import MAX_V1_BYTES, MAX_V2_BYTES, MIN_V1_BYTES

V2_SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"  # section 2.2
V1_SIGNATURE: Final = b"PROXY "  # section 2.1
LINE_END: Final = b"\r\n"

_V2_HEAD_BYTES: Final = 4  # version and command, family and protocol, length
_LOCAL, _PROXY = 0, 1
_STREAM: Final = 1
# Address family -> bytes of one address.
_V2_ADDRESS_BYTES: Final = {1: 4, 2: 16}
_UNSPECIFIED, _UNIX = 0, 3
_V1_FAMILIES: Final = {"TCP4": 4, "TCP6": 6}


class ProxyHeader(msgspec.Struct, frozen=True):
    """Whom the proxy speaks for; an empty address for itself (a health check), or nobody it could name."""

    address: str = ""
    port: int = 0


class ProxyReader:
    """For one connection."""

    __slots__ = ("_buffer", "_failed", "_next", "_wanted", "header")

    def __init__(self) -> None:
        self.header: ProxyHeader | None = None
        self._buffer = bytearray()
        self._wanted = len(V2_SIGNATURE)  # so many more bytes belong to the header for sure
        self._next: Callable[[], None] = self._look_at_signature
        self._failed = False

    def receive(self, data: bytes) -> int:
        """Take from the front of `data` what belongs to the header; how many bytes that were.

        Raises RemoteProtocolError for what is none, LocalProtocolError once the header is there.
        """
        if self.header is not None or self._failed:
            raise LocalProtocolError("there is one PROXY header on a connection")
        used = 0
        try:
            while self.header is None and used < len(data):
                piece = data[used : used + self._wanted]
                self._buffer += piece
                used += len(piece)
                self._wanted -= len(piece)
                if not self._wanted:
                    self._next()
        except RemoteProtocolError:
            self._failed = True
            raise
        return used

    def _want(self, count: int, then: Callable[[], None]) -> None:
        self._wanted, self._next = count, then

    def _look_at_signature(self) -> None:
        if self._buffer == V2_SIGNATURE:
            self._want(_V2_HEAD_BYTES, self._look_at_v2_head)
        elif self._buffer.startswith(V1_SIGNATURE):
            self._want(MIN_V1_BYTES - len(self._buffer), self._look_at_v1_line)
        else:
            raise RemoteProtocolError("no PROXY header")

    def _look_at_v1_line(self) -> None:
        if self._buffer.endswith(LINE_END):
            self.header = header_of_line(bytes(self._buffer[: -len(LINE_END)]))
        elif len(self._buffer) >= MAX_V1_BYTES:
            raise RemoteProtocolError("a PROXY line without an end")
        else:
            self._want(1, self._look_at_v1_line)  # the line may end with any byte, and not one more is ours

    def _look_at_v2_head(self) -> None:
        length = int.from_bytes(self._buffer[-2:], "big")
        if self._buffer[12] >> 4 != 2 or self._buffer[12] & 0xF not in (_LOCAL, _PROXY):
            raise RemoteProtocolError("a PROXY header of an unknown version or command")
        if len(self._buffer) + length > MAX_V2_BYTES:
            raise RemoteProtocolError("a PROXY header that is too long")
        if length:
            self._want(length, self._look_at_v2_body)
        else:
            self._look_at_v2_body()

    def _look_at_v2_body(self) -> None:
        command, family = self._buffer[12] & 0xF, self._buffer[13]
        body = bytes(self._buffer[16:])
        self.header = ProxyHeader() if command == _LOCAL else header_of_body(family, body)


def header_of_line(line: bytes) -> ProxyHeader:
    """Read a line of version 1, without its end. Raises RemoteProtocolError."""
    try:
        words = line.decode("ascii").split(" ")
    except ValueError:
        raise RemoteProtocolError("a PROXY line that is not ASCII") from None
    if words[1] == "UNKNOWN":  # section 2.1: the rest of the line is to be ignored
        return ProxyHeader()
    if words[1] not in _V1_FAMILIES or len(words) != 6:
        raise RemoteProtocolError("a PROXY line of an unknown form")
    version, ports = _V1_FAMILIES[words[1]], [_port(word) for word in words[4:]]
    addresses = [_address(word, version) for word in words[2:4]]
    return ProxyHeader(addresses[0], ports[0])


def header_of_body(family: int, body: bytes) -> ProxyHeader:
    """Read the addresses of version 2; what comes behind them is not looked at.

    Raises RemoteProtocolError.
    """
    kind, transport = family >> 4, family & 0xF
    if kind in (_UNSPECIFIED, _UNIX) or transport != _STREAM:
        return ProxyHeader()  # section 2.2: accepted, and the connection's own address stands
    size = _V2_ADDRESS_BYTES.get(kind)
    if size is None or len(body) < 2 * size + 4:
        raise RemoteProtocolError("a PROXY header without the addresses it promises")
    port = int.from_bytes(body[2 * size : 2 * size + 2], "big")
    return ProxyHeader(str(ipaddress.ip_address(body[:size])), port)


def _address(word: str, version: int) -> str:
    try:
        address = ipaddress.ip_address(word)
    except ValueError:
        raise RemoteProtocolError("a PROXY line with an address that is none") from None
    if address.version != version or "%" in word:
        raise RemoteProtocolError("a PROXY line with an address of another family")
    return str(address)


def _port(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) <= 5 and int(word) <= 0xFFFF):
        raise RemoteProtocolError("a PROXY line with a port that is none")
    return int(word)
