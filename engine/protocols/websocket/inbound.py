"""What a player sends on its WebSocket, read by wsproto.

Most players never send a byte after the handshake, and a wsproto machine is several objects and a
generator, so it is made when the first byte arrives. Messages are counted and dropped: their content has no
meaning on a media socket, and nothing of them is kept, whatever length their headers announce.
"""

from collections.abc import Iterator

import msgspec
from wsproto.frame_protocol import Frame, FrameProtocol, Opcode, ParseFailed

from engine.protocols.websocket import limits
from engine.protocols.websocket.errors import RemoteProtocolError

POLICY_VIOLATION = 1008  # RFC 6455 section 7.4.1
MESSAGE_TOO_BIG = 1009


class Ping(msgspec.Struct, frozen=True):
    """To be answered with a pong of the same payload."""

    payload: bytes


class Pong(msgspec.Struct, frozen=True):
    """An answer to our ping, or a client's unasked sign of life."""

    payload: bytes


class Message(msgspec.Struct, frozen=True):
    """A whole text or binary message of `length_bytes`; its content is gone."""

    length_bytes: int


class Close(msgspec.Struct, frozen=True):
    """The client closes; 1005 stands for no code. Nothing comes after it."""

    code: int
    reason: str


Event = Ping | Pong | Message | Close


class ClientFrames:
    """Turns received bytes into events."""

    __slots__ = ("_closed", "_frames", "_message_bytes", "_payload_bytes", "_protocol", "_second_began_s")

    def __init__(self) -> None:
        self._protocol: FrameProtocol | None = None
        self._message_bytes = 0
        self._closed = False
        self._frames = 0  # in this second, and so are the bytes
        self._payload_bytes = 0
        self._second_began_s = 0.0

    @property
    def closed(self) -> bool:
        """After the client's close frame, or after an error: further bytes mean nothing."""
        return self._closed

    def receive(self, data: bytes, now: float) -> Iterator[Event]:
        """Take more bytes and iterate over what they complete. `now` is a monotonic clock in seconds.

        The bytes are taken at the call, the events as the iterator is walked, and it must be walked to
        its end: it raises `RemoteProtocolError` (close code in `reply`) after the events that came before
        the fault, so that events do not depend on how the bytes were cut. Which fault is named may: a text
        message that is both too long and not UTF-8 is refused for what is seen first.
        """
        if self._closed or not data:
            return iter(())
        if self._protocol is None:
            self._protocol = FrameProtocol(client=False, extensions=[])
        if now - self._second_began_s >= 1.0:
            self._second_began_s = now
            self._frames = self._payload_bytes = 0
        self._protocol.receive_bytes(data)
        return self._events(self._protocol)

    def _events(self, protocol: FrameProtocol) -> Iterator[Event]:
        try:
            for frame in protocol.received_frames():
                self._count_frame(frame)
                event = self._convert(frame)
                self._count_payload(frame)
                if event is not None:
                    yield event
        except ParseFailed as error:
            self._end()
            raise RemoteProtocolError(str(error), reply=int(error.code)) from None

    def _count_frame(self, frame: Frame) -> None:
        self._frames += frame.frame_finished  # a frame that comes in pieces is one
        if self._frames > limits.MAX_FRAMES_PER_S:
            self._end()
            raise RemoteProtocolError("too many frames in a second", reply=POLICY_VIOLATION)

    def _count_payload(self, frame: Frame) -> None:
        if isinstance(frame.payload, tuple):
            return
        self._payload_bytes += len(_raw(frame.payload))
        if self._payload_bytes > limits.MAX_PAYLOAD_BYTES_PER_S:
            self._end()
            raise RemoteProtocolError("too many bytes in a second", reply=POLICY_VIOLATION)

    def _convert(self, frame: Frame) -> Event | None:
        payload = frame.payload
        if isinstance(payload, tuple):
            self._end()
            return Close(int(payload[0]), payload[1])
        if frame.opcode is Opcode.PING:
            return Ping(_raw(payload))
        if frame.opcode is Opcode.PONG:
            return Pong(_raw(payload))
        return self._count_message(len(_raw(payload)), finished=frame.message_finished)

    def _count_message(self, length_bytes: int, *, finished: bool) -> Message | None:
        self._message_bytes += length_bytes
        if self._message_bytes > limits.MAX_MESSAGE_BYTES:
            self._end()
            raise RemoteProtocolError("message too big", reply=MESSAGE_TOO_BIG)
        if not finished:
            return None
        message = Message(self._message_bytes)
        self._message_bytes = 0
        return message

    def _end(self) -> None:
        self._closed = True
        self._protocol = None


def _raw(payload: bytes | str) -> bytes:
    return payload.encode() if isinstance(payload, str) else payload
