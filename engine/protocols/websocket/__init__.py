"""WebSocket (RFC 6455), server side: the handshake, frame headers out, wsproto on the way in.

The pump writes media frames itself, so all it needs is a header to put before bytes that are already
in shared memory. What a player sends is small and rare; wsproto reads it.
"""

from engine.protocols.websocket.errors import LocalProtocolError, ProtocolError, RemoteProtocolError
from engine.protocols.websocket.frames import close, encode_frame, frame_header, ping, pong
from engine.protocols.websocket.handshake import accept_response
from engine.protocols.websocket.inbound import ClientFrames, Close, Event, Message, Ping, Pong

__all__ = [
    "ClientFrames",
    "Close",
    "Event",
    "LocalProtocolError",
    "Message",
    "Ping",
    "Pong",
    "ProtocolError",
    "RemoteProtocolError",
    "accept_response",
    "close",
    "encode_frame",
    "frame_header",
    "ping",
    "pong",
]
