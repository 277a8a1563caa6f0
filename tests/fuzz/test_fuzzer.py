"""The fuzzer itself: what is planted is found, and found again."""

from pathlib import Path

import pytest

from tests.fuzz import target as under_test
from tests.fuzz.mutation import Mutator
from tests.fuzz.target import Fuzzer, Pieces, Target, fuzz

BEGINNING = b"head: 1\nbody: 2\n"


def escapes(pieces: Pieces) -> int:
    return 1 // (1 - (b"body: \xff" in b"".join(pieces)))


def depends_on_cuts(pieces: Pieces) -> int:
    return sum(piece.count(b"body") for piece in pieces)


def works_too_much(pieces: Pieces) -> int:
    looks = 0
    for piece in pieces:
        for _ in range(len(piece) ** 2):
            looks += 1
    return 0


def believes_what_it_reads(pieces: Pieces) -> int:
    announced = b"".join(pieces)[:2]
    return len(bytes(int.from_bytes(announced) * 100))


PLANTED = {
    "another error": (escapes, "ZeroDivisionError"),
    "cuts": (depends_on_cuts, "it is something else"),
    "work": (works_too_much, "lines"),
    "memory": (believes_what_it_reads, "bytes of memory"),
}


@pytest.fixture(autouse=True)
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "planted").mkdir()
    (tmp_path / "planted" / "beginning.bin").write_bytes(BEGINNING)
    monkeypatch.setattr(under_test, "CORPUS", tmp_path)


@pytest.mark.parametrize(("run", "complaint"), PLANTED.values(), ids=PLANTED.keys())
def test_what_is_planted_is_found(run: object, complaint: str) -> None:
    target = Target(name="planted", run=run, words=(b"body",), lines_per_byte=20)  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match=f"input [0-9a-f]+: .*{complaint}"):
        fuzz(target, seed=1, count=2_000)


def test_a_seed_gives_the_same_inputs_again() -> None:
    target = Target(name="planted", run=depends_on_cuts, lines_per_byte=20)
    first, second = (list(Fuzzer(target, seed=7).inputs(200)) for _ in range(2))
    assert first == second
    assert len(set(first)) > 100


def test_cuts_lose_nothing() -> None:
    mutator = Mutator(seed=1)
    for _ in range(50):
        assert b"".join(mutator.cuts(BEGINNING)) == BEGINNING
