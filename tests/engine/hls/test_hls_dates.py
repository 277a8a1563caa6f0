"""Dates of segments, and how the renditions of one programme come to the same ones."""

import pytest

from engine.protocols.hls.cut_settings import MAX_CLOCK_OVERLAP_US
from engine.protocols.hls.dates import MAX_SKEW_US, ProgrammeClock, SegmentDates

NOW_US = 1_700_000_000_000_000


def test_a_stream_by_itself_is_dated_by_its_arrival() -> None:
    dates = SegmentDates()
    dates.anchor(NOW_US, 5_000_000, None)
    assert dates.of(7_000_000) == NOW_US + 2_000_000


@pytest.mark.parametrize("later_us", [0, 1_800_000, MAX_SKEW_US, -MAX_SKEW_US])
def test_a_rendition_that_arrives_later_has_the_same_dates(later_us: int) -> None:
    clock = ProgrammeClock()
    first, second = SegmentDates(clock), SegmentDates(clock)
    first.anchor(NOW_US, 4_000_000, None)
    second.anchor(NOW_US + 2_000_000 + later_us, 6_000_000, None)
    assert first.of(9_000_000) == second.of(9_000_000)


def test_a_stream_with_another_time_is_dated_by_its_arrival() -> None:
    clock = ProgrammeClock()
    first, second = SegmentDates(clock), SegmentDates(clock)
    first.anchor(NOW_US, 4_000_000, None)
    second.anchor(NOW_US, 4_000_001 + MAX_SKEW_US, None)
    assert second.of(4_000_001 + MAX_SKEW_US) == NOW_US
    assert first.of(4_000_000) == NOW_US


def test_who_parts_is_dated_by_its_arrival_from_the_next_beginning_on() -> None:
    clock = ProgrammeClock()
    first, second = SegmentDates(clock), SegmentDates(clock)
    first.anchor(NOW_US, 0, None)
    second.anchor(NOW_US + 1_000_000, 0, None)
    second.part()
    assert second.of(0) == NOW_US
    second.anchor(NOW_US + 4_000_000, 2_000_000, 2_000_000)
    assert second.of(2_000_000) == NOW_US + 4_000_000


def test_dates_never_go_back_over_a_break() -> None:
    dates = SegmentDates(ProgrammeClock())
    dates.anchor(NOW_US, 0, None)
    dates.part()
    dates.anchor(NOW_US + 1_000_000, 2_000_000, 2_000_000)
    assert dates.of(2_000_000) == NOW_US + 2_000_000


def test_who_goes_on_with_what_another_cut_does_not_go_back_before_its_end() -> None:
    # A burst from the publisher before has put its last segment ahead of the clock.
    dates = SegmentDates(until_us=NOW_US + 400_000)
    dates.anchor(NOW_US, 0, None)
    assert dates.of(0) == NOW_US + 400_000


def test_a_clock_that_was_set_back_far_is_believed() -> None:
    dates = SegmentDates(until_us=NOW_US + MAX_CLOCK_OVERLAP_US + 1)
    dates.anchor(NOW_US, 0, None)
    assert dates.of(0) == NOW_US
