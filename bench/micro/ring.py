"""What the ring costs, per call and per tag: `python -m bench.micro.ring`.

One process, one core, ring of 32 MiB with its pages touched. The figures are the best of five runs.
"""

import timeit
from collections.abc import Callable

from shm.arena import Arena
from shm.board import Board
from shm.directory import Directory, DirectoryWriter
from shm.layout import MIB, Geometry
from shm.ring import FLAG_START, RingReader, RingWriter, Tag

GEOMETRY = Geometry(workers=4, streams=8, ring_bytes=32 * MIB, index_entries=16_384)
CALLS, RUNS = 5_000, 5


def main() -> None:
    arena = Arena.create(GEOMETRY)
    slot = DirectoryWriter(arena, 0, 1).claim("live/bench")
    writer, reader = RingWriter(arena, slot, 1), RingReader(arena, slot)
    for tag_bytes in (1024, 16 * 1024):
        for batch in (1, 8):
            measure_writing(writer, tag_bytes, batch)
    measure_reading(reader)
    measure_tables(Directory(arena), Board(arena))


def measure_writing(writer: RingWriter, tag_bytes: int, batch: int) -> None:
    tags = [Tag(bytes(tag_bytes), 9, FLAG_START, 0, 0, 1, 0)] * batch
    for _ in range(2 * GEOMETRY.ring_bytes // tag_bytes // batch):
        writer.write(tags)  # until every page has been touched
    show(f"write {tag_bytes // 1024} KiB tags, {batch} a batch, per tag", lambda: writer.write(tags), batch)


def measure_reading(reader: RingReader) -> None:
    head_pos, head_seq = reader.head()
    start = head_pos - 64 * 1024
    show("head_pos", lambda: reader.head_pos)
    show("safe", lambda: reader.safe(start))
    show("views", lambda: reader.views(start, head_pos))
    show(
        "safe + views + valid",
        lambda: (reader.safe(start), reader.views(start, head_pos), reader.valid(start)),
    )
    show("entry", lambda: reader.entry(head_seq - 1))
    show("entries, per entry of 8", lambda: reader.entries(head_seq - 8, head_seq), 8)
    show("head", reader.head)
    show("seq_at", lambda: reader.seq_at(start))
    show("oldest", reader.oldest)


def measure_tables(directory: Directory, board: Board) -> None:
    show("directory version", lambda: directory.version)
    show("directory find", lambda: directory.find("live/bench"))
    show("board interested, 4 workers", lambda: board.interested(0))


def show(what: str, call: Callable[[], object], each: int = 1) -> None:
    seconds = min(timeit.repeat(call, number=CALLS, repeat=RUNS)) / CALLS / each
    print(f"{what:45} {seconds * 1e6:7.2f} us")


if __name__ == "__main__":
    main()
