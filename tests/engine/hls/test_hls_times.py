"""Times in playlists, against the standard library's calendar."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.hls.times import date_text, seconds_text

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_US = (datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


def by_the_library(us: int) -> str:
    when = EPOCH + timedelta(microseconds=us)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@given(st.integers(0, LAST_US))
def test_dates_are_those_of_the_calendar(us: int) -> None:
    assert date_text(us) == by_the_library(us)


@pytest.mark.parametrize("date", ["1970-01-01", "2000-02-29", "2100-02-28", "2100-03-01", "2024-12-31"])
def test_days_at_which_calendars_go_wrong(date: str) -> None:
    us = (datetime.fromisoformat(date).replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
    assert date_text(us) == f"{date}T00:00:00.000Z"
    assert date_text(us + 86_399_999_999) == f"{date}T23:59:59.999Z"


def test_a_date_has_four_digits_of_year_whatever_the_clock_says() -> None:
    assert date_text(LAST_US + 1).startswith("9999-12-31T00:00:00")


@given(st.integers(0, 1 << 50))
def test_seconds_lose_nothing(us: int) -> None:
    assert Decimal(seconds_text(us)) * 1_000_000 == us
