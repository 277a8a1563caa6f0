"""The board: what every worker says about itself, and which streams it wants.

Each worker has a cell (a page, and those of its breakers) and a row per stream (two cache lines). One writer
per word: the worker itself writes its cell and rows, and the supervisor those of a worker that is dead. All
may map the board writable; nothing but this rule keeps them apart, so every word here must be one whose
damage ends with the process that did it.

Cells and rows are looked at from other processes at any time: each word is right by itself, and no two of
them need be from the same moment.
"""

from enum import IntEnum
from typing import Final, Self, overload

from shm.arena import Arena
from shm.layout import BREAKERS, CELL_BYTES, CELL_WORDS, LINE_WORDS, ROW_WORDS, WORD_BYTES

SPARE_COUNTERS: Final = 16


class WorkerState(IntEnum):
    """EMPTY -> STARTING -> READY -> DRAINING -> GONE."""

    EMPTY = 0
    STARTING = 1
    READY = 2
    DRAINING = 3
    GONE = 4


class WorkerRole(IntEnum):
    NONE = 0
    INGEST = 1
    FANOUT = 2
    PACKAGER = 3
    CONTROL = 4


class Interest(IntEnum):
    """What a worker wants of a stream's doorbell."""

    NONE = 0  # no players: let it be
    WITHIN_TICK = 1  # it has players, and will look by itself
    ARMED = 2  # it sleeps: ring


class Word:
    """One shared counter, as an attribute of a cell or row."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    @overload
    def __get__(self, owner: None, owner_type: type) -> Self: ...
    @overload
    def __get__(self, owner: "Cell", owner_type: type | None = None) -> int: ...
    def __get__(self, owner: "Cell | None", owner_type: type | None = None) -> "int | Self":
        return self if owner is None else owner.words[self.number]

    def __set__(self, owner: "Cell", value: int) -> None:
        owner.words[self.number] = value


class Cell:
    """Words of one worker that are neighbours in memory."""

    __slots__ = ("words",)

    def __init__(self, words: memoryview) -> None:
        self.words = words


class WorkerCell(Cell):
    """One worker's own pages. Store `pid` last when it is filled: the others then belong to it."""

    __slots__ = ()

    pid = Word(0)
    start_time = Word(1)  # clock ticks since boot, shm.process.start_ticks: with pid, one process for ever
    generation = Word(2)  # how many processes the slot has had
    role = Word(3)  # WorkerRole
    state = Word(4)  # WorkerState
    heartbeat_ns = Word(8)  # monotonic
    ready_ns = Word(9)  # monotonic; 0 until ready
    loop_lag_us = Word(10)
    rss_bytes = Word(11)
    overload = Word(12)  # how far up the overload ladder it stands: engine.policy.overload.Level

    @property
    def counters(self) -> memoryview:
        """Sixteen words for the role's own use; index them."""
        return self.words[2 * LINE_WORDS : 2 * LINE_WORDS + SPARE_COUNTERS]

    @property
    def breakers(self) -> memoryview:
        """The words of the worker's circuit breakers; `shm.breakers` knows them."""
        return self.words[BREAKERS:]


class RowCell(Cell):
    """What one worker says about one stream."""

    __slots__ = ()

    interest = Word(0)  # Interest
    lease = Word(1)  # which of the slot's streams the row is about
    players_http = Word(2)
    players_ws = Word(3)
    players_rtmp = Word(4)
    bytes_out = Word(5)
    jumps = Word(6)
    lag_ms_max = Word(7)
    players_srt = Word(8)
    players_hls = Word(9)
    players_mp4 = Word(11)
    looks_ns = Word(12)  # monotonic: within a tick, when the worker will look at the ring by itself
    playlist_asked_ns = Word(10)  # monotonic: when somebody last asked for the stream's playlists

    def begin(self, lease: int) -> None:
        """The row is about this stream from now on, and counts from zero. Harmless if it is already."""
        if self.lease != lease:
            self.words[:] = _NO_WORDS
            self.lease = lease


_NO_WORDS: Final = memoryview(bytes(ROW_WORDS * WORD_BYTES)).cast("Q")
_OWN_BYTES: Final = BREAKERS * WORD_BYTES  # what of a cell is about the process alone
_KEPT_WORDS: Final = frozenset({1, 5, 6, 10})  # lease, bytes_out, jumps, playlist_asked_ns


class Board:
    """All cells and rows, by worker slot number and stream slot number."""

    def __init__(self, arena: Arena) -> None:
        geometry = arena.geometry
        self._workers = geometry.workers
        self._streams = geometry.streams
        self._stride_words = geometry.worker_stride // WORD_BYTES
        board = arena.map(geometry.board_offset, geometry.board_bytes, writable=True)
        self._bytes, self._words = board, board.cast("Q")
        self._interests = [self._column(stream, RowCell.interest) for stream in range(self._streams)]
        self._looks = [self._column(stream, RowCell.looks_ns) for stream in range(self._streams)]

    def worker(self, slot: int) -> WorkerCell:
        """Keep the cell: making one costs more than using it. Raises IndexError for no such worker slot."""
        first = self._check_worker(slot) * self._stride_words
        return WorkerCell(self._words[first : first + CELL_WORDS])

    def row(self, worker: int, stream: int) -> RowCell:
        """Keep the row, as with `worker`. Raises IndexError."""
        if not 0 <= stream < self._streams:
            raise IndexError(f"stream slot {stream} of {self._streams}")
        first = self._check_worker(worker) * self._stride_words + CELL_WORDS + stream * ROW_WORDS
        return RowCell(self._words[first : first + ROW_WORDS])

    def interested(self, stream: int) -> list[tuple[int, int]]:
        """(worker slot, Interest) of the workers with any: 0.3 us, asked once a pass and stream by ingest."""
        return [pair for pair in enumerate(self._interests[stream].tolist()) if pair[1]]

    def looks_ns(self, worker: int, stream: int) -> int:
        """When a worker within its tick will look at the ring, monotonic; any moment, if that is past."""
        looks_ns: int = self._looks[stream][worker]
        return looks_ns

    def readers_of(self, stream: int) -> bool:
        """Whether any worker still reads this stream's ring."""
        return any(self._interests[stream].tolist())

    def clear_worker(self, slot: int) -> None:
        """Zero the cell of a worker that is dead, and its rows but for what they have counted.

        Counts stay for the successor to go on with: totals over all workers must never fall. So do its
        breakers, which say something about others and not about the worker.
        """
        first = self._check_worker(slot) * self._stride_words
        at = first * WORD_BYTES
        self._bytes[at : at + _OWN_BYTES] = bytes(_OWN_BYTES)
        rows = first + CELL_WORDS
        nothing = memoryview(bytes(self._streams * WORD_BYTES)).cast("Q")
        for number in range(ROW_WORDS):
            if number not in _KEPT_WORDS:
                self._words[rows + number : rows + self._streams * ROW_WORDS : ROW_WORDS] = nothing

    def _column(self, stream: int, word: Word) -> memoryview:
        """The same word of all workers in one stream, as one strided view."""
        return self._words[CELL_WORDS + stream * ROW_WORDS + word.number :: self._stride_words]

    def _check_worker(self, slot: int) -> int:
        if not 0 <= slot < self._workers:
            raise IndexError(f"worker slot {slot} of {self._workers}")
        return slot


assert CELL_WORDS * WORD_BYTES == CELL_BYTES
