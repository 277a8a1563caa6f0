"""Bytes that went wrong: one engine of mutations for all fuzz targets, repeatable from its seed."""

import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

MAX_INPUT_BYTES: Final = 4096
"""Longer inputs find nothing that shorter ones do not, and take longer."""

MAX_STACKED: Final = 6
MAX_COPIES: Final = 64
MAX_RANGE_BYTES: Final = 64

# Where counters end, signs turn and fields of one, two, three and four bytes are full.
EDGES: Final = (
    0,
    1,
    2,
    9,
    10,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0x7FFF,
    0x8000,
    0xFFFF,
    0xFFFFFF,
    0x7FFFFFFF,
    0xFFFFFFFF,
)

Mutation = Callable[["Mutator", bytearray], None]


class Mutator:
    """Changes inputs a little. `words` are what the format itself is made of: markers, names, delimiters."""

    def __init__(self, seed: int | str, words: Sequence[bytes] = ()) -> None:
        self.random = random.Random(seed)
        self._words = [*words, b"\x00", b"\xff"]

    def mutate(self, data: bytes, others: Sequence[bytes]) -> bytes:
        """Give `data` with some changes, perhaps with a part of one of the `others` in it."""
        changed = bytearray(data)
        for _ in range(self.random.randint(1, MAX_STACKED)):
            if self.random.random() < 0.1:
                self._splice(changed, self.random.choice(others))
            else:
                self.random.choice(MUTATIONS)(self, changed)
        return bytes(changed[:MAX_INPUT_BYTES])

    def cuts(self, data: bytes) -> list[bytes]:
        """Give `data` in pieces, some of them very small."""
        places = sorted(self.random.randint(0, len(data)) for _ in range(self.random.randint(1, 8)))
        edges = [0, *places, len(data)]
        return [data[begin:end] for begin, end in pairwise(edges)]

    def _splice(self, data: bytearray, other: bytes) -> None:
        begin, end = self._range(len(other))
        at = self._place(data)
        data[at : at + self.random.randint(0, MAX_RANGE_BYTES)] = other[begin : end + MAX_RANGE_BYTES]

    def _place(self, data: bytearray) -> int:
        return self.random.randint(0, len(data))

    def _range(self, length: int) -> tuple[int, int]:
        begin = self.random.randint(0, length)
        return begin, min(length, begin + self.random.randint(1, MAX_RANGE_BYTES))

    def flip_bit(self, data: bytearray) -> None:
        if data:
            data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)

    def set_number(self, data: bytearray) -> None:
        """A field of one to four bytes gets a number from the edge of things."""
        width = self.random.randint(1, 4)
        value = self.random.choice(EDGES) + self.random.randint(-1, 1)
        at = self._place(data)
        data[at : at + width] = (value & (1 << 8 * width) - 1).to_bytes(
            width, self.random.choice(("big", "little"))
        )

    def delete(self, data: bytearray) -> None:
        begin, end = self._range(len(data))
        del data[begin:end]

    def truncate(self, data: bytearray) -> None:
        del data[self._place(data) :]

    def repeat(self, data: bytearray) -> None:
        begin, end = self._range(len(data))
        data[begin:begin] = data[begin:end] * self.random.choice((1, 1, 2, MAX_COPIES))

    def move(self, data: bytearray) -> None:
        begin, end = self._range(len(data))
        moved = data[begin:end]
        del data[begin:end]
        at = self._place(data)
        data[at:at] = moved

    def insert_word(self, data: bytearray) -> None:
        at = self._place(data)
        data[at:at] = self.random.choice(self._words) * self.random.choice((1, 1, 1, MAX_COPIES))

    def insert_noise(self, data: bytearray) -> None:
        at = self._place(data)
        data[at:at] = self.random.randbytes(self.random.randint(1, 8))


MUTATIONS: Final[tuple[Mutation, ...]] = (
    Mutator.flip_bit,
    Mutator.set_number,
    Mutator.delete,
    Mutator.truncate,
    Mutator.repeat,
    Mutator.move,
    Mutator.insert_word,
    Mutator.insert_noise,
)
