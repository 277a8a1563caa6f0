"""The clock in the picture, and what is promised of what a browser saw of it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.browser.__main__ import promises_of
from bench.browser.clock import BITS, CLOCK_BITS, SQUARE, bits_of, picture_at
from bench.browser.watch import Seen
from workers.commands.testcard import HEIGHT, WIDTH, paint


def number_of(bits: list[bool]) -> int:
    return int("".join("01"[bit] for bit in bits), 2)


@given(st.integers(0, 1 << 48))
def test_the_squares_are_the_clock_and_the_sum_of_its_bytes(wall_ms: int) -> None:
    bits = bits_of(wall_ms)
    assert len(bits) == BITS
    clock = number_of(bits[:CLOCK_BITS])
    assert clock == wall_ms % (1 << CLOCK_BITS)
    assert number_of(bits[CLOCK_BITS:]) == sum(clock.to_bytes(4, "big")) % 256


def test_the_clock_is_read_from_the_middle_of_each_square() -> None:
    picture = picture_at(7, 1_790_000_000_123)
    assert len(picture) == WIDTH * HEIGHT * 3 // 2
    middle = WIDTH * SQUARE // 2
    squares = [picture[middle + place * SQUARE + SQUARE // 2] > 127 for place in range(BITS)]
    assert squares == bits_of(1_790_000_000_123)


def test_the_rest_of_the_picture_is_the_test_card() -> None:
    top = WIDTH * SQUARE
    assert picture_at(7, 0)[top : WIDTH * HEIGHT] == paint(7).y[top:]


def seen(*, played_s: float = 60.0, stalls: int = 0, holes: int = 0, median_ms: float | None = 400.0) -> Seen:
    return Seen(
        played_s=played_s,
        stalls=stalls,
        holes=holes,
        frames=1800,
        dropped=0,
        read=1800,
        unreadable=0,
        longest_gap_ms=50,
        median_ms=median_ms,
        p95_ms=median_ms,
        worst_ms=median_ms,
        width=WIDTH,
        height=HEIGHT,
        own={},
        failures=[],
    )


@pytest.mark.parametrize(
    ("what", "kept"),
    [
        (seen(), [True, True, True]),
        (seen(played_s=50), [False, True, True]),
        (seen(stalls=1), [True, False, True]),
        (seen(holes=1), [True, False, True]),
        (seen(median_ms=501), [True, True, False]),
        (seen(median_ms=None), [True, True, False]),
    ],
)
def test_playing_on_standing_still_and_latency_are_promises(what: Seen, kept: list[bool]) -> None:
    assert [promise.kept for promise in promises_of("page", what, 60)] == kept


def test_a_latency_that_nobody_could_read_is_not_a_good_one() -> None:
    assert promises_of("hls", seen(median_ms=None), 60)[-1].measured == math.inf
