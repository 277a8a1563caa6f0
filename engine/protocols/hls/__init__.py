"""HLS and Low-Latency HLS (draft-pantos-hls-rfc8216bis): marks, the window they make, and its playlists."""

from engine.protocols.hls.errors import (
    BadMark,
    BadSnapshot,
    LocalProtocolError,
    ProtocolError,
    RemoteProtocolError,
)
from engine.protocols.hls.marks import (
    CHUNK,
    INDEPENDENT,
    MARK,
    PART_START,
    SEGMENT_START,
    InitMade,
    Mark,
    PartEnd,
    SegmentBegin,
    SegmentEnd,
    StreamEnd,
    decode_mark,
    encode_mark,
)
from engine.protocols.hls.multivariant import Rendition, multivariant, rendition_of
from engine.protocols.hls.names import (
    InitName,
    PartName,
    SegmentName,
    init_name,
    parse_name,
    part_name,
    segment_name,
)
from engine.protocols.hls.playlist import Renderer, Report, media_playlist, report_of
from engine.protocols.hls.request import Directives, parse_directives
from engine.protocols.hls.settings import PlaylistSettings
from engine.protocols.hls.state import Growing, Part, Segment
from engine.protocols.hls.window import Window

__all__ = [
    "CHUNK",
    "INDEPENDENT",
    "MARK",
    "PART_START",
    "SEGMENT_START",
    "BadMark",
    "BadSnapshot",
    "Directives",
    "Growing",
    "InitMade",
    "InitName",
    "LocalProtocolError",
    "Mark",
    "Part",
    "PartEnd",
    "PartName",
    "PlaylistSettings",
    "ProtocolError",
    "RemoteProtocolError",
    "Renderer",
    "Rendition",
    "Report",
    "Segment",
    "SegmentBegin",
    "SegmentEnd",
    "SegmentName",
    "StreamEnd",
    "Window",
    "decode_mark",
    "encode_mark",
    "init_name",
    "media_playlist",
    "multivariant",
    "parse_directives",
    "parse_name",
    "part_name",
    "rendition_of",
    "report_of",
    "segment_name",
]
