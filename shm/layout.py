"""The picture: every offset, size, magic and version of the shared arena, in one place.

One memfd holds everything. All sections are page aligned; all counters are unsigned 64-bit words, little
endian, on 8-byte boundaries; words that different processes write never share a 64-byte cache line.

    0            +----------------------------------------------+
                 | arena header                        one page |  magic, version, geometry, creator
    board        +----------------------------------------------+
                 | worker 0: cell                      one page |  pid, start time, state, heartbeat, load
                 |           its circuit breakers   seven pages |  what it knows of services outside
                 | worker 0: rows      streams * 128 B, rounded |  interest, players, bytes out, per stream
                 | worker 1: ...                                |
    changes      +----------------------------------------------+
                 | change counters      workers * 64 B, rounded |  one line per ingest
    records      +----------------------------------------------+
                 | stream 0: record                    one page |  seqlock, name, state, epoch, stats, link
                 | stream 1: ...                                |
    headers      +----------------------------------------------+
                 | stream 0: codec headers              256 KiB |  no memory until a stream brings headers
                 | stream 1: ...                                |
    rings        +----------------------------------------------+
                 | stream 0: ring header               one page |  intent, head, base, reservations
                 | stream 0: index      index_entries * 64 B    |  no memory until first written
                 | stream 0: data                    ring_bytes |  no memory until first written
                 | stream 1: ...                                |
                 +----------------------------------------------+  total_bytes (sealed: stays so)

The ring header page, in 64-byte lines (word numbers are offsets / 8):

    word   0 intent_pos      1 intent_seq                     what the writer may be overwriting: end of it
           8 head_pos        9 head_seq                       what readers may read: end of it
          16 base_pos       17 base_seq                       where the present stream's claim began
          24 epoch                                            whose writes count
          32 reserved_bytes 33 reserved_entries               backed by memory, from the start of each area

An index entry is one cache line, eight words:

    0 seq | 1 pos | 2 length (32 bits), kind (8), flags (16) | 3 dts_us | 4 pts_us
    5 epoch (high 32), header generation (low 32) | 6 ingest_ns | 7 start_seq

Positions (bytes) and sequences (tags) only ever grow: over writers, over epochs, over streams that use the
slot one after the other. A position's place is `pos % ring_bytes`, an entry's is `seq % index_entries`.

Write order, and why it suffices
--------------------------------
The writer stores (1) both intents, (2) the tags' bytes, (3) their index entries, (4) head_seq, then
head_pos. This is Aeron's broadcast transmitter (`tail_intent`, record, `latest`, `tail`) with the index
beside the bytes.

- A reader takes only what lies below a head, so it never sees an unfinished tag: (4) is behind (2) and (3).
- A reader that has read something looks at the intent afterwards. If the writer had begun to overwrite what
  it read, then the intent was stored before the first of those bytes, (1) before (2), and the reader sees
  it.
- A writer killed anywhere between leaves head where it was: its unfinished tags do not exist. What it had
  begun to overwrite stays forbidden, because its successor never lowers the intent.
- Killed between the two stores of (4), head_pos is one batch behind head_seq. Head_seq is the truth: the
  entry below it says where the bytes end. The successor repairs head_pos from it, and `RingReader.head()`
  reads it that way.

The argument needs stores seen in program order and loads done in program order. x86-64 promises both for
ordinary memory (Intel SDM 3A §9.2.2; AMD64 APM 2 §7.2). A `memcpy` made of string instructions may fill its
destination in any order, but a separate later store is behind all of it (SDM 3A §9.2.4). Very large copies
in glibc use non-temporal stores, which may overtake the intent; so the writer copies in pieces below that
threshold. Python has no fences to offer, so other machines are refused until the stress test has passed on
them.

Counters are stored through `memoryview.cast("Q")` or a slice assignment: one 8-byte store. The struct
module's packing *into* a buffer is never used here: it clears the destination first, and 11 % of concurrent
reads saw the zero.
"""

from dataclasses import dataclass
from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

PAGE_BYTES: Final = 4096
LINE_BYTES: Final = 64  # one cache line on every x86-64
WORD_BYTES: Final = 8
PAGE_WORDS: Final = PAGE_BYTES // WORD_BYTES
LINE_WORDS: Final = LINE_BYTES // WORD_BYTES

MAGIC: Final = int.from_bytes(b"FANLIGHT", "little")
LAYOUT_VERSION: Final = 6

# A worker's row about a stream: the line of what it wants and has now, and one of what the first has no room
# for.
ROW_BYTES: Final = 2 * LINE_BYTES
ROW_WORDS: Final = ROW_BYTES // WORD_BYTES

# A worker's circuit breakers, behind its cell's own page: see shm/breakers.py. Control calls 64 services for
# each of three purposes and two of its own; one that finds no room here is one that nobody sees.
BREAKERS: Final = PAGE_WORDS
BREAKER_WORDS: Final = 2 * LINE_WORDS
BREAKERS_MAX: Final = 224
CELL_WORDS: Final = BREAKERS + BREAKERS_MAX * BREAKER_WORDS
CELL_BYTES: Final = CELL_WORDS * WORD_BYTES

# Arena header, in words.
HEADER_MAGIC: Final = 0
HEADER_VERSION: Final = 1
HEADER_TOTAL_BYTES: Final = 2
HEADER_WORKERS: Final = 3
HEADER_STREAMS: Final = 4
HEADER_RING_BYTES: Final = 5
HEADER_INDEX_ENTRIES: Final = 6
HEADER_CREATOR_PID: Final = 7
HEADER_CREATOR_START_TICKS: Final = 8

# Ring header, in words (see the picture).
RING_INTENT_POS: Final = 0
RING_INTENT_SEQ: Final = 1
RING_HEAD_POS: Final = 1 * LINE_WORDS
RING_HEAD_SEQ: Final = 1 * LINE_WORDS + 1
RING_BASE_POS: Final = 2 * LINE_WORDS
RING_BASE_SEQ: Final = 2 * LINE_WORDS + 1
RING_EPOCH: Final = 3 * LINE_WORDS
RING_RESERVED_BYTES: Final = 4 * LINE_WORDS
RING_RESERVED_ENTRIES: Final = 4 * LINE_WORDS + 1

ENTRY_BYTES: Final = LINE_BYTES
ENTRY_WORDS: Final = LINE_WORDS

# Directory record, in words. The two seqlocks and what they guard: see shm/directory_writer.py.
RECORD_LOCK: Final = 0
RECORD_STATE: Final = 1
RECORD_LEASE: Final = 2
RECORD_EPOCH: Final = 3
RECORD_GENERATION: Final = 4
RECORD_INGEST: Final = 5
RECORD_STARTED_NS: Final = 6
RECORD_STATE_SINCE_NS: Final = 7
RECORD_NAME_LENGTH: Final = 8
RECORD_STATS: Final = 9  # 20 words
RECORD_STATS_WORDS: Final = 20
RECORD_NAME: Final = 4 * LINE_WORDS  # bytes from here on
NAME_BYTES_MAX: Final = 320  # the name rules allow 4 segments of 64 and 3 slashes: 259
RECORD_LINK: Final = RECORD_NAME + NAME_BYTES_MAX // WORD_BYTES  # 19 words: whether there is one, and figures
RECORD_LINK_WORDS: Final = 19
RECORD_BYTES: Final = (RECORD_LINK + RECORD_LINK_WORDS) * WORD_BYTES  # what the record lock guards
HEADERS_LOCK: Final = 16 * LINE_WORDS
HEADERS_GENERATION: Final = 16 * LINE_WORDS + 1
HEADERS_LENGTH: Final = 16 * LINE_WORDS + 2

# A stream's codec headers: an H.264 or HEVC configuration is below 1 KiB, metadata a few; 256 KiB is generous
# (nginx-rtmp stores any size its 1 MiB message limit lets through).
HEADERS_MAX: Final = 256 * KIB

RING_BYTES_MIN: Final = 64 * KIB  # 16 pages: below that a quarter of it holds no keyframe at all
RING_BYTES_MAX: Final = 4096 * MIB  # a tag (at most a quarter) must fit the entry's 32 bits of length
INDEX_ENTRIES_MIN: Final = PAGE_BYTES // ENTRY_BYTES


def page_rounded(length: int) -> int:
    """The least number of whole pages, in bytes, that holds `length` bytes."""
    return -(-length // PAGE_BYTES) * PAGE_BYTES


@dataclass(frozen=True, slots=True)
class Geometry:
    """The four numbers that decide every offset. Raises ValueError when they make no arena."""

    workers: int
    streams: int
    ring_bytes: int
    index_entries: int

    def __post_init__(self) -> None:
        check_count("workers", self.workers)
        check_count("streams", self.streams)
        check_ring_bytes(self.ring_bytes)
        check_index_entries(self.index_entries)

    @property
    def rows_bytes(self) -> int:
        """All rows of one worker, in whole pages."""
        return page_rounded(self.streams * ROW_BYTES)

    @property
    def worker_stride(self) -> int:
        """Bytes from one worker's cell to the next one's."""
        return CELL_BYTES + self.rows_bytes

    @property
    def board_offset(self) -> int:
        return PAGE_BYTES

    @property
    def board_bytes(self) -> int:
        return self.workers * self.worker_stride

    @property
    def changes_offset(self) -> int:
        return self.board_offset + self.board_bytes

    @property
    def changes_bytes(self) -> int:
        return page_rounded(self.workers * LINE_BYTES)

    @property
    def records_offset(self) -> int:
        return self.changes_offset + self.changes_bytes

    @property
    def records_bytes(self) -> int:
        return self.streams * PAGE_BYTES

    @property
    def headers_offset(self) -> int:
        return self.records_offset + self.records_bytes

    @property
    def rings_offset(self) -> int:
        return self.headers_offset + self.streams * HEADERS_MAX

    @property
    def index_bytes(self) -> int:
        return self.index_entries * ENTRY_BYTES

    @property
    def ring_stride(self) -> int:
        """Bytes from one stream's ring header to the next one's."""
        return PAGE_BYTES + self.index_bytes + self.ring_bytes

    @property
    def total_bytes(self) -> int:
        return self.rings_offset + self.streams * self.ring_stride

    def stream_headers_offset(self, slot: int) -> int:
        return self.headers_offset + self.stream_slot(slot) * HEADERS_MAX

    def ring_offset(self, slot: int) -> int:
        return self.rings_offset + self.stream_slot(slot) * self.ring_stride

    def index_offset(self, slot: int) -> int:
        return self.ring_offset(slot) + PAGE_BYTES

    def data_offset(self, slot: int) -> int:
        return self.index_offset(slot) + self.index_bytes

    def stream_slot(self, slot: int) -> int:
        """`slot` itself, if there is such a stream slot. Raises IndexError."""
        if not 0 <= slot < self.streams:
            raise IndexError(f"stream slot {slot} of {self.streams}")
        return slot


def check_count(what: str, count: int) -> None:
    if count < 1:
        raise ValueError(f"an arena needs at least one of its {what}, not {count}")


def check_ring_bytes(ring_bytes: int) -> None:
    if ring_bytes % PAGE_BYTES:
        raise ValueError(f"ring_bytes must be a multiple of {PAGE_BYTES}, not {ring_bytes}")
    if not RING_BYTES_MIN <= ring_bytes <= RING_BYTES_MAX:
        raise ValueError(f"ring_bytes must lie in {RING_BYTES_MIN}..{RING_BYTES_MAX}, not be {ring_bytes}")


def check_index_entries(index_entries: int) -> None:
    if index_entries < INDEX_ENTRIES_MIN or index_entries % INDEX_ENTRIES_MIN:
        raise ValueError(f"index_entries must be a multiple of {INDEX_ENTRIES_MIN}, not {index_entries}")
