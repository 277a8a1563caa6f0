"""Which frame may follow which: settings begin a connection, and nothing comes into a header block."""

from engine.protocols.http2 import limits
from engine.protocols.http2.codes import ErrorCode
from engine.protocols.http2.errors import RemoteProtocolError
from engine.protocols.http2.frames import ACK, END_HEADERS, HEADER_BYTES, Frame, Kind


class FrameOrder:
    """Looks at every frame of a connection, in order."""

    __slots__ = ("_begun", "_block_bytes", "_block_stream", "_continuations")

    def __init__(self) -> None:
        self._begun = False
        self._block_stream = 0  # whose header block is open; 0 for none
        self._block_bytes = 0
        self._continuations = 0

    def check(self, frame: Frame) -> None:
        """Raises `RemoteProtocolError` for a frame that is out of order, or a header block without end."""
        if not self._begun:
            if frame.kind != Kind.SETTINGS or frame.flags & ACK:  # section 3.4
                raise _wrong("settings come first")
            self._begun = True
        if self._block_stream:
            self._check_continuation(frame)
        elif frame.kind == Kind.CONTINUATION:
            raise _wrong("there is no header block to continue")
        elif frame.kind == Kind.PUSH_PROMISE:
            raise _wrong("a client promises nothing")  # section 8.4
        elif frame.kind == Kind.HEADERS and not frame.flags & END_HEADERS:
            self._block_stream, self._continuations = frame.stream_id, 0
            self._block_bytes = len(frame.wire) - HEADER_BYTES

    def _check_continuation(self, frame: Frame) -> None:
        """Section 6.2: a header block is contiguous. That it ends is what is checked here beside that."""
        if frame.kind != Kind.CONTINUATION or frame.stream_id != self._block_stream:
            raise _wrong("a header block was not finished")
        self._continuations += 1
        self._block_bytes += len(frame.wire) - HEADER_BYTES
        too_many = self._continuations > limits.MAX_CONTINUATIONS
        if too_many or self._block_bytes > limits.MAX_HEADER_LIST_BYTES:
            raise RemoteProtocolError(
                "header block too large", code=ErrorCode.ENHANCE_YOUR_CALM, flood="continuations"
            )
        if frame.flags & END_HEADERS:
            self._block_stream = 0


def _wrong(message: str) -> RemoteProtocolError:
    return RemoteProtocolError(message, code=ErrorCode.PROTOCOL_ERROR)
