"""Byte ranges: the piece of a file that is asked for."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.http import ByteRange, RemoteProtocolError, parse_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-499", (0, 500)),
        ("bytes=500-999", (500, 1000)),
        ("bytes=500-", (500, 1000)),
        ("bytes=-1", (999, 1000)),
        ("bytes=-5000", (0, 1000)),
        ("bytes=999-5000", (999, 1000)),
        ("BYTES= 1-1 ", (1, 2)),
        ("bytes=0-9999999999999999999", (0, 1000)),
    ],
)
def test_one_range_is_served(header: str, expected: tuple[int, int]) -> None:
    assert parse_range(header, 1000) == expected


@pytest.mark.parametrize(
    "header",
    [
        *(None, "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-1", "bytes=1-2,4-5", "bytes=1-2,"),
        *(
            "items=0-1",
            "bytes 0-1",
            "bytes=+1-2",
            "bytes=1--2",
            "bytes=0x1-2",
            "bytes=\u0661-2",
            "bytes=0-1\n",
        ),
        "bytes=" + "9" * 5000 + "-",
    ],
)
def test_several_ranges_and_nonsense_are_ignored(header: str | None) -> None:
    assert parse_range(header, 1000) is None


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=1000-2000", "bytes=-0"])
def test_a_range_behind_the_end_is_refused_with_the_size(header: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_range(header, 1000)
    assert caught.value.reply == 416
    assert caught.value.fields == (("Content-Range", "bytes */1000"),)


def test_an_empty_file_has_no_range_but_an_end() -> None:
    assert parse_range("bytes=-5", 0) is None
    with pytest.raises(RemoteProtocolError):
        parse_range("bytes=0-", 0)


@given(st.integers(1, 1 << 40), st.integers(0, 1 << 40), st.integers(0, 1 << 40))
def test_a_range_is_what_slicing_gives(size: int, first: int, extra: int) -> None:
    last = first + extra
    expected = range(size)[first : last + 1]
    if not expected:
        with pytest.raises(RemoteProtocolError):
            parse_range(f"bytes={first}-{last}", size)
        return
    piece = parse_range(f"bytes={first}-{last}", size)
    assert piece == ByteRange(expected.start, expected.stop)
    assert piece.length == len(expected)


@given(
    st.one_of(st.text(max_size=20), st.from_regex(r"bytes=[-0-9, ]*", fullmatch=True)),
    st.integers(0, 1000),
)
def test_any_field_gives_a_piece_of_the_file_or_nothing(header: str, size: int) -> None:
    with contextlib.suppress(RemoteProtocolError):
        piece = parse_range(header, size)
        assert piece is None or 0 <= piece.first < piece.stop <= size
