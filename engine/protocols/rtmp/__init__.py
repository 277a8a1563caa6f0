"""RTMP 1.0 (Adobe, 2012) with enhanced RTMP's signalling, sans-IO.

server.py        ServerConnection: bytes and decisions in, events and bytes out; freezes, thaws
client.py        ClientConnection: the other end, for tests, benchmarks and relays
play_frames.py   one FLV tag -> its RTMP bytes, a function of the tag alone
states.py        what may happen when, for both ends
frozen.py        a connection on its way to another process
below            handshake, chunks, messages; then peer, commands and replies: the server's dialogue
"""

from engine.protocols.rtmp import events
from engine.protocols.rtmp.client import ClientConnection
from engine.protocols.rtmp.errors import LocalProtocolError, ProtocolError, RemoteProtocolError
from engine.protocols.rtmp.events import Event, Media
from engine.protocols.rtmp.frozen import FrozenConnection, decode_frozen, encode_frozen
from engine.protocols.rtmp.play_frames import encode_message, encoded_length
from engine.protocols.rtmp.server import ServerConnection
from engine.protocols.rtmp.states import ClientState, State
from engine.protocols.rtmp.targets import Target
from engine.protocols.rtmp.urls import Url, split_url

__all__ = [
    "ClientConnection",
    "ClientState",
    "Event",
    "FrozenConnection",
    "LocalProtocolError",
    "Media",
    "ProtocolError",
    "RemoteProtocolError",
    "ServerConnection",
    "State",
    "Target",
    "Url",
    "decode_frozen",
    "encode_frozen",
    "encode_message",
    "encoded_length",
    "events",
    "split_url",
]
