"""A ring slot between two streams: making the old stream unreadable, and giving its memory back.

Rebasing moves the ring ahead by a whole lap (or a little more, so that the new stream begins at the start
of both areas). Every position of the old stream thereby lies behind the writer's intent, and the one
comparison that protects readers from being lapped protects them from the next stream too: no cursor of the
old one is ever valid again.

Store order: intents first (the old stream is unreadable from here on), then base, then head. Killed in
between, the slot is still free in the directory, and the next claim rebases again.

Only the slot's owner may do this, and never while another RingWriter on the slot goes on writing.
"""

from shm.arena import Arena
from shm.layout import (
    PAGE_BYTES,
    RING_BASE_POS,
    RING_BASE_SEQ,
    RING_HEAD_POS,
    RING_HEAD_SEQ,
    RING_INTENT_POS,
    RING_INTENT_SEQ,
    RING_RESERVED_BYTES,
    RING_RESERVED_ENTRIES,
)


def rebase(arena: Arena, slot: int) -> None:
    """Let nothing that is in the ring be readable, and the next tag begin a new claim."""
    words = arena.map(arena.geometry.ring_offset(slot), PAGE_BYTES, writable=True).cast("Q")
    if is_untouched(words):
        return
    pos = next_lap(words[RING_INTENT_POS], words[RING_HEAD_POS], arena.geometry.ring_bytes)
    seq = next_lap(words[RING_INTENT_SEQ], words[RING_HEAD_SEQ], arena.geometry.index_entries)
    words[RING_INTENT_POS], words[RING_INTENT_SEQ] = pos, seq
    words[RING_BASE_POS], words[RING_BASE_SEQ] = pos, seq
    words[RING_HEAD_SEQ], words[RING_HEAD_POS] = seq, pos


def release(arena: Arena, slot: int) -> None:
    """Rebase, and give the memory of data and index back.

    Call it when no reader is left: one that still reads a range it has checked gets zeros, and learns it by
    its check afterwards. The counts of what is reserved are cleared before the memory goes: the other way
    round, a kill in between would have the next writer trust memory that is not there.
    """
    rebase(arena, slot)
    geometry = arena.geometry
    words = arena.map(geometry.ring_offset(slot), PAGE_BYTES, writable=True).cast("Q")
    words[RING_RESERVED_BYTES] = 0
    words[RING_RESERVED_ENTRIES] = 0
    arena.release(geometry.index_offset(slot), geometry.index_bytes + geometry.ring_bytes)


def is_untouched(words: memoryview) -> bool:
    """Nothing was written or promised since the last rebase."""
    return (
        words[RING_INTENT_POS] == words[RING_BASE_POS] == words[RING_HEAD_POS]
        and words[RING_INTENT_SEQ] == words[RING_BASE_SEQ] == words[RING_HEAD_SEQ]
    )


def next_lap(intent: int, head: int, size: int) -> int:
    """The first multiple of `size` from which all that was promised lies at least `size` behind."""
    return -(-(max(intent, head) + size) // size) * size
