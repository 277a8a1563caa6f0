"""File names: written in one way, and read only as they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.hls import (
    InitName,
    PartName,
    SegmentName,
    init_name,
    parse_name,
    part_name,
    segment_name,
)
from engine.protocols.hls.limits import MAX_NUMBER, MAX_PART

STAMPS = st.integers(0, (1 << 64) - 1).map(lambda number: f"{number:x}")
NUMBERS = st.integers(0, MAX_NUMBER)


@given(STAMPS, NUMBERS, st.integers(0, MAX_PART))
def test_names_round_trip(stamp: str, number: int, part: int) -> None:
    assert parse_name(init_name(stamp, number)) == InitName(stamp, number)
    assert parse_name(segment_name(stamp, number)) == SegmentName(stamp, number, "m4s")
    assert parse_name(segment_name(stamp, number, "ts")) == SegmentName(stamp, number, "ts")
    assert parse_name(part_name(stamp, number, part)) == PartName(stamp, number, part)


def written(name: InitName | SegmentName | PartName) -> str:
    match name:
        case InitName(stamp, number):
            return init_name(stamp, number)
        case SegmentName(stamp, msn, suffix):
            return segment_name(stamp, msn, suffix)
        case PartName(stamp, msn, part):
            return part_name(stamp, msn, part)


@given(st.text("0123456789abcdefABCDEF-.mp4s/\n%\0٣", max_size=24) | st.text(max_size=24))
def test_what_is_no_name_is_none(text: str) -> None:
    name = parse_name(text)
    assert name is None or written(name) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a-1",
        "a-1.m4",
        "a-1.m4s ",
        "a-1.m4s\n",
        "a-01.m4s",
        "a--1.m4s",
        "A-1.m4s",
        "a-1.0.ts",
        "a-1.0.mp4",
        "a-1.00.m4s",
        "a-1.0.0.m4s",
        "a-٣.m4s",
        "../a-1.m4s",
        "a-1.m4s/..",
        "12345678901234567-1.m4s",
        f"a-{MAX_NUMBER + 1}.m4s",
        f"a-1.{MAX_PART + 1}.m4s",
        "a-" + "9" * 5_000 + ".m4s",
    ],
)
def test_a_name_is_not_guessed(text: str) -> None:
    assert parse_name(text) is None
