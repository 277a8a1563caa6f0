"""HTTP/2 on the media port, server side (RFC 9113): many requests on one connection, each on a stream.

`Http2Connection` is all of it. What it makes of a request is what `engine.protocols.http` makes of one over
HTTP/1, and what is answered are the same heads.
"""

from engine.protocols.http2.codes import ErrorCode
from engine.protocols.http2.connection import Http2Connection
from engine.protocols.http2.errors import Flood, LocalProtocolError, ProtocolError, RemoteProtocolError
from engine.protocols.http2.events import (
    Event,
    PeerClosing,
    RequestArrived,
    RequestRefused,
    RoomChanged,
    StreamReset,
)

__all__ = [
    "ErrorCode",
    "Event",
    "Flood",
    "Http2Connection",
    "LocalProtocolError",
    "PeerClosing",
    "ProtocolError",
    "RemoteProtocolError",
    "RequestArrived",
    "RequestRefused",
    "RoomChanged",
    "StreamReset",
]
