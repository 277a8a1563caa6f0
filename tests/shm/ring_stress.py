"""Real writers killed by SIGKILL at random moments, real readers lapped on purpose. Run as a script:

    python -m tests.shm.ring_stress KILLS SEED

One ring, so small that everything in it is overwritten many times a second; every tag carries its sequence
and a checksum. FORBIDDEN: a tag read between a check that allowed it and a check that confirmed it which is
not the very tag its entry says. FORBIDDEN: a pair of head words that do not belong together. FORBIDDEN: a
ring that the next writer cannot go on with at once. ACCEPTABLE, and wanted: readers that are told they were
lapped, writers that die inside a batch.

Prints one line of JSON at the end; exits with 1 and a sentence if something forbidden was seen. It forks,
and so it has a process of its own: never fork a test runner.
"""

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable

from shm.arena import Arena
from shm.board import Board
from shm.errors import Lapped
from shm.layout import KIB, Geometry
from shm.ring import RingReader, RingWriter, Tag
from tests.shm.tags import is_intact, sealed_tag, start_tag

STRESSED = Geometry(workers=1, streams=1, ring_bytes=256 * KIB, index_entries=256)
READ_BYTES = 64 * KIB
STOP = 0  # the word of the board's counters that ends the readers
PATIENCE_S = 20.0  # for a new writer's first publication, on a machine that does other things too


class Forbidden(Exception):
    """What the ring promises never to happen has happened."""


def main(kills: int, seed: int) -> None:
    arena = Arena.create(STRESSED)
    dice = random.Random(seed)
    readers = [
        in_child(lambda: read_until_stopped(arena, keep_up)),
        in_child(lambda: read_until_stopped(arena, fall_behind)),
    ]
    counts: Counter[str] = Counter(kills=0)
    slowest_s = 0.0
    try:
        for epoch in range(1, kills + 1):
            slowest_s = max(slowest_s, live_and_die(arena, epoch, dice))
            counts["kills"] += 1
            counts["inside_a_batch"] += check_remains(RingReader(arena, 0))
    finally:
        Board(arena).worker(0).counters[STOP] = 1
        results = [result_of(reader) for reader in readers]
    for result in results:
        counts.update(result)
    counts["slowest_start_ms"] = round(slowest_s * 1000)
    print(json.dumps(counts))


def live_and_die(arena: Arena, epoch: int, dice: random.Random) -> float:
    """One writer's life; seconds from its fork until its first tags were there."""
    reader = RingReader(arena, 0)
    before, began = reader.head_seq, time.monotonic()
    pid, results = in_child(lambda: write_for_ever(arena, epoch, dice.random()))
    os.close(results)
    try:
        while reader.head_seq == before:
            if time.monotonic() - began > PATIENCE_S or has_ended(pid):
                raise Forbidden(f"writer {epoch} could not go on from tag {before}")
        started = time.monotonic()
        while time.monotonic() < started + dice.uniform(0, 0.004):
            pass
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return started - began


def has_ended(pid: int) -> bool:
    """Whether a child is over, without taking its number away from it."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def write_for_ever(arena: Arena, epoch: int, seed: float) -> None:
    dice, parent = random.Random(seed), os.getppid()
    writer = RingWriter(arena, 0, epoch)
    if dice.random() < 0.1:
        writer.rebase()
    elif dice.random() < 0.1:
        writer.release()
    while os.getppid() == parent:
        writer.write([random_tag(writer.head_seq + ahead, dice) for ahead in range(dice.randint(1, 12))])


def random_tag(seq: int, dice: random.Random) -> Tag:
    filling_bytes = dice.choice((0, 50, 300, 1_500, 9_000, 60_000))
    return start_tag(seq, filling_bytes) if dice.random() < 0.05 else sealed_tag(seq, filling_bytes)


def check_remains(reader: RingReader) -> int:
    """All that a dead writer left must be whole; 1 if it died inside a batch."""
    head_pos, head_seq = reader.head()
    try:
        for entry in reader.entries(reader.oldest_seq, head_seq):
            check_tag(entry.seq, b"".join(reader.views(entry.pos, entry.end)))
    except Lapped as lapped:
        raise Forbidden(f"nobody writes, and yet: {lapped}") from lapped
    return int(not reader.valid(head_pos - reader.capacity) or reader.head_pos != head_pos)


def check_tag(seq: int, data: bytes) -> None:
    if not is_intact(seq, data):
        raise Forbidden(f"tag {seq} was handed out torn ({len(data)} bytes)")


def read_until_stopped(arena: Arena, pause: Callable[[int], None]) -> dict[str, int]:
    reader, stop, parent = RingReader(arena, 0), Board(arena).worker(0).counters, os.getppid()
    seen: Counter[str] = Counter(tags_checked=0, laps=0, ranges_thrown_away=0)
    cursor, last_seq = 0, 0
    while not stop[STOP] and os.getppid() == parent:
        pos, seq = reader.head()
        if seq < last_seq:
            raise Forbidden(f"head went back from tag {last_seq} to {seq}")
        last_seq = seq
        try:
            cursor = read_some(reader, cursor, pos, pause, seen)
        except Lapped:
            seen["laps"] += 1
            cursor = restart(reader)
    return dict(seen)


def read_some(
    reader: RingReader, cursor: int, head_pos: int, pause: Callable[[int], None], seen: Counter[str]
) -> int:
    """Read and check the tags from `cursor` on, as a player's pump would; where to go on."""
    if cursor >= head_pos:
        return cursor
    if not reader.safe(cursor):
        raise Lapped
    first = reader.seq_at(cursor)
    last = reader.seq_at(min(head_pos, cursor + READ_BYTES))
    entries = reader.entries(first, max(last, first + 1))
    end = entries[-1].end
    pause(seen["tags_checked"])
    data = b"".join(reader.views(cursor, end))
    if not reader.valid(cursor):
        seen["ranges_thrown_away"] += 1
        raise Lapped
    for entry in entries:
        check_tag(entry.seq, data[entry.pos - cursor : entry.end - cursor])
    seen["tags_checked"] += len(entries)
    return end


def restart(reader: RingReader) -> int:
    """Where a lapped reader goes on: the newest start point, or the oldest tag there is."""
    start = reader.newest_start()
    return start.pos if start is not None else reader.oldest_pos


def keep_up(_: int) -> None:
    """The pump that is always there."""


def fall_behind(tags_checked: int) -> None:
    """The pump that is put off between its check and its copy."""
    time.sleep(0.0002 * (tags_checked % 8))


def in_child(act: Callable[[], object]) -> tuple[int, int]:
    """Fork; the child writes what `act` returns, as JSON, to the descriptor that is the second result."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    status = 1
    try:
        os.write(writing, json.dumps(act()).encode())
        status = 0
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(status)


def result_of(child: tuple[int, int]) -> dict[str, int]:
    pid, reading = child
    with open(reading, "rb") as pipe:
        text = pipe.read()
    if os.waitpid(pid, 0)[1] != 0:
        raise Forbidden("a reader saw something forbidden")
    result: dict[str, int] = json.loads(text)
    return result


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), int(sys.argv[2]))
    except Forbidden as forbidden:
        sys.exit(f"FORBIDDEN: {forbidden}")
