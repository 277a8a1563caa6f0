"""What a fuzz target is, and what must hold of every one of them, whatever the bytes.

A target turns pieces of bytes into an outcome: what was understood, or which of the protocol's own errors
was raised. Anything else that escapes is a bug. Beyond that: the outcome does not depend on how the bytes
were cut, the work is proportionate to their number, and so is the memory, whatever sizes they announce.
"""

import os
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import h2
import hpack
import msgspec
import wsproto

from tests.fuzz.mutation import Mutator
from tests.fuzz.trail import Step, Trail
from tests.house.source import ROOT

Pieces = Sequence[bytes]

CORPUS: Final = Path(__file__).parent / "corpus"
UNDER_TEST: Final = (
    *(f"{ROOT}/{folder}/" for folder in ("engine", "workers", "shm", "tests/fuzz")),
    *(str(Path(str(library.__file__)).parent) for library in (wsproto, h2, hpack)),
)
"""All that reads bytes in Python; llhttp, behind the heads of HTTP, is compiled."""

NIGHTLY: Final = "NIGHTLY" in os.environ
INPUTS: Final = 100_000 if NIGHTLY else 1_000
MEMORY_EVERY: Final = 10
"""Every so many inputs memory is looked at, which is slower than all the rest together."""

MAX_POPULATION: Final = 500


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One fuzz target."""

    name: str
    """Also the folder of its corpus."""
    run: Callable[[Pieces], object]
    words: tuple[bytes, ...] = ()
    cuts: bool = True
    """Whether it takes its bytes in pieces."""
    lines_per_byte: int
    """Most lines of Python per byte of input, beside some hundred for the beginning and the end."""
    bytes_per_byte: int = 64
    """Most memory per byte of input: objects in Python are larger than what they stand for."""
    fixed_bytes: int = 64 * 1024
    """Most memory beside that: buffers and caches of constant size."""

    def corpus(self) -> list[bytes]:
        return [path.read_bytes() for path in sorted((CORPUS / self.name).iterdir())]


FIXED_LINES: Final = 2_000


class Fuzzer:
    """Mutates a target's corpus, and keeps what got somewhere new for further mutations."""

    def __init__(self, target: Target, seed: int | str) -> None:
        self._target = target
        self._mutator = Mutator(seed, target.words)
        self._trail = Trail(UNDER_TEST)
        self._seen: set[Step] = set()
        self.population = target.corpus()

    def inputs(self, count: int) -> Iterator[bytes]:
        """The corpus itself, then `count` mutations."""
        yield from list(self.population)
        for _ in range(count):
            yield self._mutator.mutate(self._mutator.random.choice(self.population), self.population)

    def check(self, data: bytes) -> None:
        """Hold one input to everything."""
        target, outcomes = self._target, []
        steps = self._trail.follow(lambda: outcomes.append(target.run([data])))
        assert self._trail.lines <= FIXED_LINES + target.lines_per_byte * len(data), (
            f"{self._trail.lines} lines"
        )
        self._learn(steps, data)
        if target.cuts:
            byte_by_byte = [data[at : at + 1] for at in range(len(data))]
            assert target.run(byte_by_byte) == outcomes[0], "byte by byte it is something else"
            assert target.run(self._mutator.cuts(data)) == outcomes[0], "in pieces it is something else"

    def check_memory(self, data: bytes) -> None:
        """Nothing is allocated because of a number that somebody sent."""
        tracemalloc.start()
        try:
            self._target.run([data])
            peak_bytes = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        limit_bytes = self._target.fixed_bytes + self._target.bytes_per_byte * len(data)
        assert peak_bytes <= limit_bytes, f"{peak_bytes} bytes of memory"

    def _learn(self, steps: set[Step], data: bytes) -> None:
        if not steps <= self._seen and len(self.population) < MAX_POPULATION:
            self._seen |= steps
            self.population.append(data)


def fuzz(target: Target, seed: int | str, count: int = INPUTS) -> int:
    """Run a target, and give the number of inputs that it has stood.

    A failure names the input, which belongs into the corpus once it is mended.
    """
    fuzzer, stood = Fuzzer(target, seed), 0
    for data in fuzzer.inputs(count):
        try:
            fuzzer.check(data)
            if stood % MEMORY_EVERY == 0:
                fuzzer.check_memory(data)
        except Exception as error:
            raise AssertionError(f"{target.name}, seed {seed!r}, input {data.hex()}: {error!r}") from error
        stood += 1
    return stood
