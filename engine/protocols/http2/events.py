"""What a client of an HTTP/2 connection has done."""

import msgspec

from engine.protocols.http import RemoteProtocolError as Refusal
from engine.protocols.http import Request


class RequestArrived(msgspec.Struct, frozen=True):
    """A request, read and checked as one over HTTP/1 would be; its stream waits for the answer."""

    stream_id: int
    request: Request


class RequestRefused(msgspec.Struct, frozen=True):
    """A request that must not be taken; its stream waits for being told so."""

    stream_id: int
    refusal: Refusal
    #: Whether the answer must have no body.
    head_only: bool


class StreamReset(msgspec.Struct, frozen=True):
    """The stream is over: the client has no use for the answer any more, or has broken a rule of streams."""

    stream_id: int
    code: int


class RoomChanged(msgspec.Struct, frozen=True):
    """There may be more room to send, on one stream or, where that is 0, on all."""

    stream_id: int


class PeerClosing(msgspec.Struct, frozen=True):
    """The client will ask for nothing more; what it has asked for is still wanted."""

    code: int


Event = RequestArrived | RequestRefused | StreamReset | RoomChanged | PeerClosing
