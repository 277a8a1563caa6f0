"""Fragmented MP4 (ISO 14496-12) out of FLV tags: init segments, and chunks of a few frames."""

from engine.protocols.fmp4.chunks import ChunkWriter
from engine.protocols.fmp4.errors import LocalProtocolError, ProtocolError
from engine.protocols.fmp4.forms import Sample, Track
from engine.protocols.fmp4.fragments import Fragment, Fragments, Opening
from engine.protocols.fmp4.init import init_segment
from engine.protocols.fmp4.tracks import Tracks

__all__ = [
    "ChunkWriter",
    "Fragment",
    "Fragments",
    "LocalProtocolError",
    "Opening",
    "ProtocolError",
    "Sample",
    "Track",
    "Tracks",
    "init_segment",
]
