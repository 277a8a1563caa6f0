"""The server's side of one HTTP/2 connection (RFC 9113): bytes in, events out, and the other way round.

    for event in connection.receive(data, now_s): ...       what the client did
    connection.send_head(stream_id, head); ...              what is answered
    sock.send(connection.take_output())                     both make output

h2 holds the states of streams, the windows and the compression of fields. Before it, frames are cut out, put
in order and counted (`frames`, `frame_order`, `manners`); behind it, fields become requests
(`request_fields`). Bodies of requests mean nothing here: what comes of them is dropped, and the connection's
window is never opened again, so that a client can send 64 KiB of them in all.

A GOAWAY never reaches h2, either way: behind one it would let nobody send, though it only announces that no
further requests will come, or are welcome, and what is on its way is still wanted (section 6.8).
"""

from collections.abc import Iterator
from typing import Final

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
from hpack import NeverIndexedHeaderTuple

from engine.protocols import http
from engine.protocols.http2 import limits
from engine.protocols.http2.codes import ErrorCode
from engine.protocols.http2.errors import LocalProtocolError, RemoteProtocolError
from engine.protocols.http2.events import (
    Event,
    PeerClosing,
    RequestArrived,
    RequestRefused,
    RoomChanged,
    StreamReset,
)
from engine.protocols.http2.frame_order import FrameOrder
from engine.protocols.http2.frames import (
    END_STREAM,
    HEADER_BYTES,
    PREFACE,
    Frame,
    FrameCutter,
    Kind,
    goaway,
)
from engine.protocols.http2.manners import BUDGET_OF, Manners
from engine.protocols.http2.request_fields import is_head, read_request

_CONFIG: Final = h2.config.H2Configuration(
    client_side=False,
    header_encoding=None,
    validate_inbound_headers=False,  # `request_fields` does both
    normalize_inbound_headers=False,
    validate_outbound_headers=False,  # as `heads` made them, they are right
    normalize_outbound_headers=False,
)

_SETTINGS: Final = {
    h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: limits.MAX_STREAMS,
    h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: limits.MAX_HEADER_LIST_BYTES,
    h2.settings.SettingCodes.MAX_FRAME_SIZE: limits.MAX_FRAME_BYTES,
}


class _Streams(h2.connection.H2Connection):
    MAX_CLOSED_STREAMS = limits.MAX_CLOSED_STREAMS


class Http2Connection:
    """One connection. Its first output, our settings, is there from the beginning."""

    def __init__(self) -> None:
        self._h2 = _Streams(_CONFIG)
        self._h2.local_settings = h2.settings.Settings(client=False, initial_values=_SETTINGS)
        self._h2.decoder.max_header_list_size = limits.MAX_HEADER_LIST_BYTES
        self._h2.initiate_connection()
        self._h2.receive_data(PREFACE)  # the client's is looked at where frames are cut
        self._output = bytearray()  # goes before what h2 has
        self._cutter = FrameCutter()
        self._order = FrameOrder()
        self._manners = Manners()
        self._unanswered: set[int] = set()
        self._unended: set[int] = set()  # the client may still send on these
        self._is_leaving = False
        self._is_over = False

    @property
    def is_over(self) -> bool:
        """The client broke the rules of the connection: nothing can be said on it any more."""
        return self._is_over

    def is_open(self, stream_id: int) -> bool:
        """Whether the stream waits for an answer, or for the rest of it."""
        return stream_id in self._unanswered and not self._is_over

    # -- what comes in

    def receive(self, data: bytes, now_s: float) -> Iterator[Event]:
        """Take what arrived; gives the events one after the other, so that none is lost before a fault.

        Raises `RemoteProtocolError`, which ends the connection, and nothing else. `now_s` is any clock.
        """
        if self._is_over:
            raise LocalProtocolError("this connection is over")
        try:
            self._cutter.add(data)
            if self._cutter.take_preface():
                while (frame := self._cutter.take()) is not None:
                    yield from self._read(frame, now_s)
        except RemoteProtocolError as error:
            self._break(error)
            raise

    def _read(self, frame: Frame, now_s: float) -> Iterator[Event]:
        self._order.check(frame)
        if not self._is_free(frame):
            self._manners.spend(BUDGET_OF.get(frame.kind, "other_frames"), now_s)
        if frame.kind == Kind.GOAWAY:
            yield PeerClosing(_code_of_goaway(frame))
            return
        for event in self._feed(frame):
            yield from self._understand(event, now_s)

    def _is_free(self, frame: Frame) -> bool:
        """Whether the frame belongs to a request, of which there is a limited number."""
        if frame.kind == Kind.HEADERS:
            return frame.stream_id > self._h2.highest_inbound_stream_id or frame.stream_id in self._unended
        if frame.kind == Kind.DATA:
            return bool(frame.flags & END_STREAM) and frame.stream_id in self._unended
        return frame.kind == Kind.CONTINUATION

    def _feed(self, frame: Frame) -> list[h2.events.Event]:
        """Let h2 have it. Its words are for us: there are addresses of our memory in some of them."""
        try:
            return self._h2.receive_data(frame.wire)
        except h2.exceptions.DenialOfServiceError:
            raise RemoteProtocolError(
                "header list too large", code=ErrorCode.ENHANCE_YOUR_CALM, flood="header_list"
            ) from None
        except h2.exceptions.ProtocolError as error:
            fault = type(error).__name__
            raise RemoteProtocolError(f"h2 refuses it: {fault}", code=int(error.error_code)) from None

    def _understand(self, event: h2.events.Event, now_s: float) -> Iterator[Event]:
        if isinstance(event, h2.events.RequestReceived):
            yield from self._take_request(event, now_s)
        elif isinstance(event, h2.events.StreamEnded):
            self._unended.discard(event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            if not event.remote_reset:
                self._manners.spend("resets", now_s)
            if self._forget(event.stream_id):
                yield StreamReset(event.stream_id, int(event.error_code or 0))
        elif isinstance(event, h2.events.WindowUpdated):
            yield RoomChanged(event.stream_id or 0)
        elif isinstance(event, h2.events.RemoteSettingsChanged):
            self._bound_encoder()
            yield RoomChanged(0)

    def _take_request(self, event: h2.events.RequestReceived, now_s: float) -> Iterator[Event]:
        stream_id = event.stream_id
        self._manners.note_request()
        self._unanswered.add(stream_id)
        self._unended.add(stream_id)  # its end, if this was all of it, comes as an event of its own
        if self._is_leaving:
            self._manners.spend("resets", now_s)
            self.reset(stream_id, ErrorCode.REFUSED_STREAM)
            return
        fields = [(bytes(name), bytes(value)) for name, value in event.headers]
        try:
            yield RequestArrived(stream_id, read_request(fields))
        except http.RemoteProtocolError as refusal:
            self._manners.spend("resets", now_s)
            yield RequestRefused(stream_id, refusal, is_head(fields))

    def _bound_encoder(self) -> None:
        encoder = self._h2.encoder
        if encoder.header_table_size > limits.MAX_ENCODER_TABLE_BYTES:
            encoder.header_table_size = limits.MAX_ENCODER_TABLE_BYTES

    # -- what goes out

    def take_output(self) -> bytes:
        """Everything there is to send, which then is gone from here."""
        own, rest = bytes(self._output), self._h2.data_to_send()
        self._output.clear()
        return own + rest if own else rest

    def send_head(self, stream_id: int, head: http.Head, *, end: bool = False) -> None:
        """Begin an answer; with `end`, that was all of it."""
        self._check_open(stream_id)
        fields = http.http2_fields(head)
        shared = len(fields) - len(head.own)
        # What differs each time would drive the rest out of the table that compresses it.
        own = [NeverIndexedHeaderTuple(name, value) for name, value in fields[shared:]]
        self._h2.send_headers(stream_id, [*fields[:shared], *own], end_stream=end)
        if end:
            self._finish(stream_id)

    def send_data(self, stream_id: int, data: bytes | memoryview) -> int:
        """Send as much of `data` as the client has given room for; how much that was."""
        self._check_open(stream_id)
        room = min(len(data), self.room(stream_id))
        frame_bytes = min(self._h2.max_outbound_frame_size, limits.MAX_FRAME_BYTES)
        for begin in range(0, room, frame_bytes):
            self._h2.send_data(stream_id, data[begin : min(begin + frame_bytes, room)])
        if room <= 0:
            return 0
        self._manners.note_sent(room)
        return room

    def room(self, stream_id: int) -> int:
        """How much data the client has given room for on this stream; negative where it took some back."""
        self._check_open(stream_id)
        return self._h2.local_flow_control_window(stream_id)

    def end(self, stream_id: int) -> None:
        """The answer is finished."""
        self._check_open(stream_id)
        self._h2.end_stream(stream_id)
        self._finish(stream_id)

    def reset(self, stream_id: int, code: ErrorCode) -> None:
        """Give up a stream, in the middle of its answer if need be."""
        self._check_open(stream_id)
        self._h2.reset_stream(stream_id, code)
        self._forget(stream_id)

    def go_away(self) -> None:
        """Ask the client to ask for nothing more here. What it has asked for is still answered."""
        if not self._is_leaving and not self._is_over:
            self._is_leaving = True
            self._say_goodbye(ErrorCode.NO_ERROR, b"")

    # -- streams

    def _finish(self, stream_id: int) -> None:
        was_early = stream_id in self._unended
        if was_early:  # section 8.1: whoever has the answer need not finish the request
            self._h2.reset_stream(stream_id, ErrorCode.NO_ERROR)
        self._forget(stream_id)
        self._manners.note_answer(was_early=was_early)

    def _forget(self, stream_id: int) -> bool:
        """Whether the stream was open."""
        was_open = stream_id in self._unanswered
        self._unanswered.discard(stream_id)
        self._unended.discard(stream_id)
        return was_open

    def _check_open(self, stream_id: int) -> None:
        if not self.is_open(stream_id):
            raise LocalProtocolError(f"stream {stream_id} is not open")

    def _break(self, error: RemoteProtocolError) -> None:
        """End the connection with a reason; h2's own goodbye, where it said one, has no text."""
        self._is_over = True
        self._say_goodbye(error.code, str(error).encode())

    def _say_goodbye(self, code: int, text: bytes) -> None:
        self._output += self._h2.data_to_send()
        self._output += goaway(self._h2.highest_inbound_stream_id, code, text)


def _code_of_goaway(frame: Frame) -> int:
    """Section 6.8: of the connection, with the last stream that counted and a code."""
    if frame.stream_id:
        raise RemoteProtocolError("a stream does not go away", code=ErrorCode.PROTOCOL_ERROR)
    if len(frame.wire) < HEADER_BYTES + 8:
        raise RemoteProtocolError("frame too small", code=ErrorCode.FRAME_SIZE_ERROR)
    return int.from_bytes(frame.wire[HEADER_BYTES + 4 : HEADER_BYTES + 8], "big")
