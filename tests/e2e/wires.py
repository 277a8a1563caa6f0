"""The client's end of the three protocols that players speak, without sockets: bytes in, FLV tags out."""

from typing import Final, Protocol
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    RejectConnection,
    RejectData,
    Request,
)

from engine.protocols.flv import FlvReader, FlvTag, RemoteProtocolError
from engine.protocols.rtmp import ClientConnection, Media
from engine.protocols.rtmp.events import Status, StreamEnded
from tests.e2e.tls import rtmp_address

HTTP: Final = "http-flv"
WEBSOCKET: Final = "ws-flv"
RTMP: Final = "rtmp"
PROTOCOLS: Final = (HTTP, WEBSOCKET, RTMP)

REFUSAL_DIGITS: Final = 3  # of an HTTP status; close codes of WebSocket have four


class ClientWire(Protocol):
    """One player's protocol machine."""

    farewell: str
    """What the server said before it closed, its refusal included; empty while it has said nothing."""

    def receive(self, data: bytes) -> list[FlvTag]:
        """Take bytes, give the media in them."""
        ...

    def take_output(self) -> bytes:
        """What to send now."""
        ...

    def leave(self) -> bool:
        """Say good-bye. False where the protocol has no word for it: then our direction is closed."""
        ...

    def is_between_tags(self) -> bool:
        """Whether the server has closed in the middle of nothing. Asked once, at the end."""
        ...


class HttpFlv:
    """A GET, and then FLV to the end."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        self.farewell = ""
        self._output = f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
        self._head: bytes | None = b""
        self._flv = FlvReader()

    def receive(self, data: bytes) -> list[FlvTag]:
        if self._head is not None:
            self._head += data
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                return []
            status = head.split()[1].decode()
            self._head, self.farewell = None, "" if status == "200" else status
        return [] if self.farewell else media_of(self._flv, data)

    def take_output(self) -> bytes:
        output, self._output = self._output, b""
        return output

    def leave(self) -> bool:
        return False

    def is_between_tags(self) -> bool:
        return bool(self.farewell) or is_finished(self._flv)


class WebSocketFlv:
    """The same in binary messages."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        self._socket = WSConnection(ConnectionType.CLIENT)
        self._output = self._socket.send(Request(host=parts.netloc, target=target))
        self._flv = FlvReader()
        self.farewell = ""

    def receive(self, data: bytes) -> list[FlvTag]:
        tags: list[FlvTag] = []
        self._socket.receive_data(data)
        for event in self._socket.events():
            match event:
                case BytesMessage(data=piece):
                    tags += media_of(self._flv, bytes(piece))
                case Ping():
                    self._output += self._socket.send(event.response())
                case CloseConnection(code=code):
                    self._answer_close(event, code)
                case RejectConnection(status_code=status):
                    self.farewell = str(status)
                case _:
                    assert isinstance(event, AcceptConnection | RejectData), event
        return tags

    def _answer_close(self, event: CloseConnection, code: int) -> None:
        self.farewell = str(code)
        if self._socket.state.name == "REMOTE_CLOSING":
            self._output += self._socket.send(event.response())

    def take_output(self) -> bytes:
        output, self._output = self._output, b""
        return output

    def leave(self) -> bool:
        self._output += self._socket.send(CloseConnection(code=1000))
        return True

    def is_between_tags(self) -> bool:
        return len(self.farewell) == REFUSAL_DIGITS or is_finished(self._flv)


class RtmpPlay:
    """RTMP messages, told as the FLV tags they stand for."""

    def __init__(self, url: str) -> None:
        self._client = ClientConnection(rtmp_address(url))
        self._client.play()
        self.farewell = ""

    def receive(self, data: bytes) -> list[FlvTag]:
        tags = []
        for event in self._client.receive(data, 0.0):
            if isinstance(event, Media):
                tags.append(FlvTag(kind=event.kind, timestamp_ms=event.timestamp_ms, body=event.body))
            elif isinstance(event, StreamEnded):
                self.farewell = "StreamEOF"
            elif isinstance(event, Status) and event.level == "error":
                self.farewell = event.code
        return tags

    def take_output(self) -> bytes:
        return self._client.take_output()

    def leave(self) -> bool:
        self._client.end()
        return True

    def is_between_tags(self) -> bool:
        return True  # a message that was cut off cannot be seen from outside; the books would show it


def media_of(reader: FlvReader, data: bytes) -> list[FlvTag]:
    """The tags that these bytes complete."""
    return [item for item in reader.receive(data) if isinstance(item, FlvTag)]


def is_finished(reader: FlvReader) -> bool:
    try:
        reader.finish()
    except RemoteProtocolError:
        return False
    return True
