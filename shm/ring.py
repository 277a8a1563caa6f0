"""The ring of one stream: one writer, many readers, tags ready for the wire. The rooms behind this door:

ring_entry.py (what goes in), ring_writer.py, ring_reader.py, ring_claim.py (between two streams).
"""

from shm.ring_claim import rebase, release
from shm.ring_entry import (
    FLAG_HEADER,
    FLAG_KEYFRAME,
    FLAG_METADATA,
    FLAG_REPAIRED,
    FLAG_START,
    NO_START,
    Entry,
    Tag,
)
from shm.ring_reader import RingReader
from shm.ring_writer import RingWriter

__all__ = [
    "FLAG_HEADER",
    "FLAG_KEYFRAME",
    "FLAG_METADATA",
    "FLAG_REPAIRED",
    "FLAG_START",
    "NO_START",
    "Entry",
    "RingReader",
    "RingWriter",
    "Tag",
    "rebase",
    "release",
]
