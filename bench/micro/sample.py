"""Two seconds of the synthetic stream: messages, tags for a ring, and a ring that holds some laps of them."""

from functools import cache
from itertools import islice
from typing import NamedTuple

from bench.stream import AAC_HEADER, AVC_HEADER, KIND_AUDIO, KIND_VIDEO, Bodies, schedule, shape_of
from engine.media.intake import Intake, IntakeTag
from shm.arena import Arena
from shm.layout import Geometry
from shm.ring import RingReader, RingWriter, Tag

BITRATE_BPS = 4_000_000
MESSAGES_PER_GOP = 146
RING_BYTES = 8 * 1024 * 1024
INDEX_ENTRIES = 4096


class Message(NamedTuple):
    """As RTMP brings it."""

    kind: int
    timestamp_ms: int
    body: bytes


@cache
def messages() -> list[Message]:
    """Codec headers and one GOP."""
    bodies = Bodies(shape_of(BITRATE_BPS))
    media = [
        Message(due.kind, due.timestamp_ms, bodies.body(due, 0))
        for due in islice(schedule(), MESSAGES_PER_GOP)
    ]
    return [Message(KIND_VIDEO, 0, AVC_HEADER), Message(KIND_AUDIO, 0, AAC_HEADER), *media]


@cache
def tags() -> list[Tag]:
    """The same as ingest writes it."""
    intake = Intake()
    made: list[IntakeTag] = []
    for message in messages():
        made += intake.take(message.kind, message.timestamp_ms, message.body, 0)
    return [Tag(*tag) for tag in made]


class Lap(NamedTuple):
    """A ring that has been written round twice, both ends, and the arena that keeps it."""

    arena: Arena
    writer: RingWriter
    reader: RingReader


@cache
def lap(use: str) -> Lap:
    """The ring for one use: those that are written to must not be those that are looked through."""
    geometry = Geometry(workers=2, streams=1, ring_bytes=RING_BYTES, index_entries=INDEX_ENTRIES)
    arena = Arena.create(geometry)
    writer, reader = RingWriter(arena, 0, 1), RingReader(arena, 0)
    while reader.head_pos < 2 * RING_BYTES:
        writer.write(tags())
    return Lap(arena, writer, reader)
