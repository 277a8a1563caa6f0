"""FLV streams (Adobe FLV 10.1, annex E): the demuxer. Tags are made by `engine.media.tags`."""

from engine.protocols.flv.errors import LocalProtocolError, ProtocolError, RemoteProtocolError
from engine.protocols.flv.reader import FlvEvent, FlvHeader, FlvReader, FlvTag

__all__ = [
    "FlvEvent",
    "FlvHeader",
    "FlvReader",
    "FlvTag",
    "LocalProtocolError",
    "ProtocolError",
    "RemoteProtocolError",
]
