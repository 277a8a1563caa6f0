"""33 bits of 90 kHz, and what they mean."""

from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.mpegts.clock import TsClock, ms_of, ticks_of_us, unwrap, us_of

WRAP = 1 << 33
times = st.integers(-3 * WRAP, 3 * WRAP)


@given(times, st.integers(-WRAP // 2, WRAP // 2 - 1))
def test_a_time_within_half_the_circle_is_found_again(near: int, distance: int) -> None:
    assert unwrap((near + distance) % WRAP, near) == near + distance


@given(times)
def test_microseconds_lead_back_to_the_tick(ticks: int) -> None:
    assert ticks_of_us(us_of(ticks)) == ticks


@given(st.integers(-(1 << 40), 1 << 40))
def test_milliseconds_become_ticks_and_come_back(ms: int) -> None:
    assert ms_of(90 * ms) == ms
    assert us_of(90 * ms) == 1000 * ms


def test_tracks_that_wrap_a_moment_apart_stay_together() -> None:
    clock = TsClock()
    assert clock.place(WRAP - 3000, None) == (WRAP - 3000, WRAP - 3000)
    assert clock.place(600, None) == (WRAP + 600, WRAP + 600)
    assert clock.place(WRAP - 1500, None) == (WRAP - 1500, WRAP - 1500)
    assert clock.place(3600, 600) == (WRAP + 600, WRAP + 3600)


def test_a_picture_may_wrap_between_decoding_and_showing() -> None:
    assert TsClock().place(100, WRAP - 100) == (WRAP - 100, WRAP + 100)


def test_a_decoding_time_far_from_showing_is_not_believed() -> None:
    assert TsClock().place(90_000 * 60, 0) == (90_000 * 60, 90_000 * 60)


def test_jitter_is_what_arrival_differs_from_the_clock() -> None:
    clock = TsClock()
    for tick in range(100):
        clock.take_pcr(tick * 27_000 * 40, tick * 40_000 + 1_000 * (tick % 2))
    assert clock.jitter_us in range(900, 1_001)


def test_a_clock_that_jumps_or_breaks_is_no_jitter() -> None:
    clock = TsClock()
    clock.take_pcr(0, 0)
    clock.take_pcr(27_000_000 * 60, 40_000)
    clock.break_pcr()
    clock.take_pcr(0, 80_000)
    clock.take_pcr(27_000 * 40, 120_000)
    assert clock.jitter_us == 0
