"""MPEG transport streams (ISO 13818-1): to FLV messages with `TsReader`, from them with `TsWriter`."""

from engine.protocols.mpegts.errors import LocalProtocolError, ProtocolError, RemoteProtocolError
from engine.protocols.mpegts.events import Media, Programme, Track, TsEvent
from engine.protocols.mpegts.opening import Opening
from engine.protocols.mpegts.reader import TsReader
from engine.protocols.mpegts.statistics import TsStats, WriterStats
from engine.protocols.mpegts.writer import Group, TsWriter

__all__ = [
    "Group",
    "LocalProtocolError",
    "Media",
    "Opening",
    "Programme",
    "ProtocolError",
    "RemoteProtocolError",
    "Track",
    "TsEvent",
    "TsReader",
    "TsStats",
    "TsWriter",
    "WriterStats",
]
