"""Marks as bytes: what is written is read again, and nothing else is a mark."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.hls import (
    BadMark,
    InitMade,
    Mark,
    PartEnd,
    SegmentBegin,
    SegmentEnd,
    StreamEnd,
    decode_mark,
    encode_mark,
)
from engine.protocols.hls.limits import MAX_MARK_BYTES, MAX_NUMBER, MAX_PART

COUNTS = st.integers(0, MAX_NUMBER)
CODECS = st.text("abcdefghijklmnopqrstuvwxyzLAB0123456789.,-_", max_size=40)
MARKS: st.SearchStrategy[Mark] = st.one_of(
    st.builds(InitMade, COUNTS, CODECS, COUNTS, COUNTS, COUNTS, st.booleans(), st.booleans()),
    st.builds(SegmentBegin, COUNTS, COUNTS, COUNTS, st.booleans(), st.booleans()),
    st.builds(PartEnd, COUNTS, st.integers(0, MAX_PART), COUNTS, st.booleans(), COUNTS, COUNTS, COUNTS),
    st.builds(SegmentEnd, COUNTS, COUNTS, COUNTS, st.booleans()),
    st.builds(StreamEnd),
)


@given(MARKS)
def test_a_mark_round_trips(mark: Mark) -> None:
    data = encode_mark(mark)
    assert decode_mark(data) == mark
    assert decode_mark(memoryview(data)) == mark
    assert len(data) < 200


def mark_in(data: bytes) -> Mark | None:
    try:
        return decode_mark(data)
    except BadMark:
        return None


@given(st.binary(max_size=80))
def test_any_bytes_are_a_mark_or_a_bad_mark(data: bytes) -> None:
    mark = mark_in(data)
    assert mark is None or decode_mark(encode_mark(mark)) == mark


@given(MARKS, st.data())
def test_a_damaged_mark_is_a_mark_or_a_bad_mark(mark: Mark, data: st.DataObject) -> None:
    good = bytearray(encode_mark(mark))
    place = data.draw(st.integers(0, len(good) - 1))
    good[place] = data.draw(st.integers(0, 255))
    damaged = mark_in(bytes(good))
    assert damaged is None or decode_mark(encode_mark(damaged)) == damaged
    assert mark_in(encode_mark(mark)[:place]) is None  # the beginning of a mark is none


@pytest.mark.parametrize(
    "mark",
    [
        SegmentEnd(-1, 0, 0),
        SegmentEnd(0, -1, 0),
        SegmentBegin(MAX_NUMBER + 1, 0, 0, False, True),
        PartEnd(0, MAX_PART + 1, 0, True, 0),
        InitMade(0, 'avc1"\n#EXT-X-ENDLIST'),
        InitMade(0, "a" * 257),
    ],
)
def test_numbers_out_of_bounds_and_codecs_that_would_leave_their_line_make_no_mark(mark: Mark) -> None:
    with pytest.raises(BadMark):
        decode_mark(encode_mark(mark))


def test_a_mark_has_a_size() -> None:
    with pytest.raises(BadMark, match="4097 bytes"):
        decode_mark(bytes(MAX_MARK_BYTES + 1))
