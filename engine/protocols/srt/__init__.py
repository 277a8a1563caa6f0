"""SRT (draft-sharabayko-srt, as libsrt 1.5 speaks it), sans-IO.

listener.py      Listener: handshakes of all callers of one port -> Negotiated or Refusal
caller.py        Caller: the other end, for tests, benchmarks and relays
negotiated.py    our terms, and what both ends have agreed upon
streamid.py      what a stream id asks for
rejections.py    why a handshake was refused
keys.py          the keys of one connection: kept, sent, received, refreshed
states.py        what may happen when in a handshake, for both ends
packets.py       the header of every packet, and data packets
control.py       one Struct per control type
numbers.py       the numbers that wrap around

connection.py    SrtConnection: a live connection, from Negotiated to Closed
receiver.py      what came, what is missing, what is to be played; losses, reorder, acks, timebase and drift,
                 arrivals below it
sender.py        what waits, what is on its way, what is sent again; ranges and pacing below it
live_events.py   what a connection tells
statistics.py    what it is doing, under libsrt's names
live_limits.py   its times and sizes

below            cookie, inductions, conclusion, handshake; key_material and crypto
"""

from engine.protocols.srt.caller import Call, Caller
from engine.protocols.srt.connection import SrtConnection
from engine.protocols.srt.cookie import Peer
from engine.protocols.srt.errors import LocalProtocolError, ProtocolError, RemoteProtocolError
from engine.protocols.srt.key_material import CipherMode
from engine.protocols.srt.listener import Answer, ConnectionRequest, Listener
from engine.protocols.srt.live_events import Closed, CloseReason, Event, Gap, SendDropped
from engine.protocols.srt.negotiated import Negotiated, Refusal, Terms
from engine.protocols.srt.pacing import Bandwidth
from engine.protocols.srt.packets import destination
from engine.protocols.srt.rejections import Rejection
from engine.protocols.srt.sender import Datagram
from engine.protocols.srt.statistics import Statistics
from engine.protocols.srt.streamid import StreamMode, StreamRequest, parse_stream_id

__all__ = [
    "Answer",
    "Bandwidth",
    "Call",
    "Caller",
    "CipherMode",
    "CloseReason",
    "Closed",
    "ConnectionRequest",
    "Datagram",
    "Event",
    "Gap",
    "Listener",
    "LocalProtocolError",
    "Negotiated",
    "Peer",
    "ProtocolError",
    "Refusal",
    "Rejection",
    "RemoteProtocolError",
    "SendDropped",
    "SrtConnection",
    "Statistics",
    "StreamMode",
    "StreamRequest",
    "Terms",
    "destination",
    "parse_stream_id",
]
