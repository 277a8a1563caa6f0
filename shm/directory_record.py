"""One stream slot's record: what it says, and how it lies in memory."""

import struct
from enum import IntEnum
from typing import Final, NamedTuple

from shm.directory_link import LINK_START, LINK_WORDS, LinkStats, link_of
from shm.layout import (
    NAME_BYTES_MAX,
    RECORD_BYTES,
    RECORD_EPOCH,
    RECORD_GENERATION,
    RECORD_INGEST,
    RECORD_LEASE,
    RECORD_NAME,
    RECORD_NAME_LENGTH,
    RECORD_STARTED_NS,
    RECORD_STATE,
    RECORD_STATE_SINCE_NS,
    RECORD_STATS,
    RECORD_STATS_WORDS,
    WORD_BYTES,
)

RECORD_WORDS: Final = struct.Struct(f"@{RECORD_STATS + RECORD_STATS_WORDS}Q")
STATS_WORDS: Final = struct.Struct(f"@{RECORD_STATS_WORDS}Q")
NAME_START: Final = RECORD_NAME * WORD_BYTES


class StreamState(IntEnum):
    """A slot's life: FREE -> LIVE <-> GRACE -> ENDED -> FREE."""

    FREE = 0
    LIVE = 1
    GRACE = 2  # the publisher is gone and may come back; players wait
    ENDED = 3  # it will not come back; players drain


class StreamStats(NamedTuple):
    """What the owner last measured. 64 bits each, none negative."""

    bytes_in: int = 0
    tags_in: int = 0
    video_tags: int = 0
    audio_tags: int = 0
    keyframes: int = 0
    repairs: int = 0
    reconnects: int = 0
    takeovers: int = 0
    last_tag_ns: int = 0  # monotonic
    bitrate_bps: int = 0
    video_fps_milli: int = 0
    keyframe_interval_ms: int = 0
    width: int = 0
    height: int = 0
    publisher_id: int = 0
    video_codec: int = 0  # FourCC, first letter in the high byte
    audio_codec: int = 0
    broken_limits: int = 0  # a bit for each limit that the publisher does not keep, lowest first
    video_ahead_ms: int = 0  # by how much the newest video is ahead of the newest audio; else 0
    audio_ahead_ms: int = 0  # the other way round


class StreamRecord(NamedTuple):
    """One slot of the directory at one moment. `slot` and `lease` together name one stream for ever."""

    slot: int
    name: str
    state: StreamState
    lease: int  # one more at each claim of the slot
    epoch: int  # who writes the ring
    generation: int  # of the codec headers
    ingest: int  # index of the ingest that owns the slot
    started_ns: int  # wall clock, at the claim
    state_since_ns: int  # monotonic
    stats: StreamStats
    link: LinkStats | None = None  # of a publisher that came over SRT


def free_record(slot: int) -> StreamRecord:
    """A slot that nobody ever claimed."""
    return StreamRecord(slot, "", StreamState.FREE, 0, 0, 0, 0, 0, 0, StreamStats())


def record_of(slot: int, data: bytes) -> StreamRecord:
    """Decode the RECORD_BYTES bytes of a record, read while nobody was writing them."""
    words = RECORD_WORDS.unpack_from(data)
    name = data[NAME_START : NAME_START + words[RECORD_NAME_LENGTH]]
    return StreamRecord(
        slot,
        name.decode(),
        StreamState(words[RECORD_STATE]),
        words[RECORD_LEASE],
        words[RECORD_EPOCH],
        words[RECORD_GENERATION],
        words[RECORD_INGEST],
        words[RECORD_STARTED_NS],
        words[RECORD_STATE_SINCE_NS],
        StreamStats._make(words[RECORD_STATS : RECORD_STATS + RECORD_STATS_WORDS]),
        link_of(data),
    )


def encoded_name(name: str) -> bytes:
    """A stream's name as the record holds it. Raises ValueError (the door for names is stricter)."""
    data = name.encode()
    if not 1 <= len(data) <= NAME_BYTES_MAX:
        raise ValueError(f"a stream name has 1 to {NAME_BYTES_MAX} bytes, not {len(data)}")
    return data


assert RECORD_WORDS.size <= NAME_START, "the statistics run into the name"
assert NAME_START + NAME_BYTES_MAX == LINK_START, "the name runs into the link, or leaves a gap"
assert LINK_START + LINK_WORDS.size == RECORD_BYTES
