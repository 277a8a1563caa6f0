"""The numbers that wrap around go on as if they did not."""

from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.srt.numbers import (
    MSGNO_MASK,
    SEQ_MASK,
    TS_MASK,
    MsgNo26,
    SeqNo31,
    Ts32,
    msgno_add,
    msgno_diff,
    seq_add,
    seq_diff,
    ts_add,
    ts_diff,
)

seqs = st.integers(0, SEQ_MASK)
timestamps = st.integers(0, TS_MASK)
msgnos = st.integers(1, MSGNO_MASK)


@given(seqs, st.integers(-(1 << 30), (1 << 30) - 1))
def test_a_sequence_number_comes_back_by_its_difference(seq: int, count: int) -> None:
    assert seq_diff(seq_add(seq, count), seq) == count


@given(timestamps, st.integers(-(1 << 31), (1 << 31) - 1))
def test_a_timestamp_comes_back_by_its_difference(timestamp: int, count: int) -> None:
    assert ts_diff(ts_add(timestamp, count), timestamp) == count


@given(msgnos, st.integers(-(MSGNO_MASK // 2), MSGNO_MASK // 2))
def test_a_message_number_comes_back_by_its_difference_and_is_never_zero(msgno: int, count: int) -> None:
    later = msgno_add(msgno, count)
    assert 1 <= later <= MSGNO_MASK
    assert msgno_diff(later, msgno) == count


def test_the_numbers_after_the_last() -> None:
    assert seq_add(SEQ_MASK, 1) == 0
    assert seq_add(0, -1) == SEQ_MASK
    assert msgno_add(MSGNO_MASK, 1) == 1
    assert msgno_add(1, -1) == MSGNO_MASK
    assert ts_add(TS_MASK, 1) == 0


N = TypeVar("N", SeqNo31, MsgNo26, Ts32)


@pytest.mark.parametrize("last", [SeqNo31(SEQ_MASK), MsgNo26(MSGNO_MASK), Ts32(TS_MASK)])
def test_the_types_order_across_the_wrap(last: N) -> None:
    following = last + 1
    assert following.value < last.value
    assert following > last
    assert following >= last
    assert last < following
    assert last <= last + 0
    assert following - last == 1


@pytest.mark.parametrize(
    ("kind", "value"),
    [(SeqNo31, -1), (SeqNo31, 1 << 31), (MsgNo26, 0), (MsgNo26, 1 << 26), (Ts32, -1), (Ts32, 1 << 32)],
)
def test_a_number_out_of_its_range_is_none(
    kind: type[SeqNo31] | type[MsgNo26] | type[Ts32], value: int
) -> None:
    with pytest.raises(ValueError, match="is not a"):
        kind(value)
