"""The FLV demuxer: the same events however the bytes are cut, and only its own error for what is no FLV."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.media.tags import encode_tag, flv_header
from engine.protocols.flv import (
    FlvEvent,
    FlvHeader,
    FlvReader,
    FlvTag,
    LocalProtocolError,
    RemoteProtocolError,
)
from engine.protocols.flv.limits import MAX_HEADER_BYTES

HEADER = flv_header(video=True, audio=True)
TAGS = st.lists(
    st.builds(
        FlvTag,
        kind=st.sampled_from((8, 9, 18)),
        timestamp_ms=st.integers(0, 2**32 - 1),
        body=st.binary(max_size=50),
    ),
    max_size=8,
)


def written(tags: list[FlvTag]) -> bytes:
    return HEADER + b"".join(encode_tag(tag.kind, tag.timestamp_ms, tag.body) for tag in tags)


def read(pieces: list[bytes]) -> list[FlvEvent]:
    reader = FlvReader()
    events = [event for piece in pieces for event in reader.receive(piece)]
    reader.finish()
    return events


@given(TAGS, st.lists(st.integers(0, 1_000)))
def test_however_the_bytes_are_cut(tags: list[FlvTag], cuts: list[int]) -> None:
    data = written(tags)
    expected = [FlvHeader(version=1, audio=True, video=True), *tags]
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    assert read([data]) == expected
    assert read([data[at : at + 1] for at in range(len(data))]) == expected
    assert read([data[begin:end] for begin, end in pairwise(edges)]) == expected


def test_a_longer_file_header_is_stepped_over() -> None:
    reader = FlvReader()
    assert reader.receive(b"FLV\x01\x04\x00\x00\x00\x0b") == []
    assert reader.receive(b"\xaa\xbb\x00\x00\x00\x00") == [FlvHeader(version=1, audio=True, video=False)]
    reader.finish()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\n", "not an FLV"),
        (b"FLV\x02\x05\x00\x00\x00\x09\x00\x00\x00\x00", "version 1"),
        (b"FLV\x01\x05\x00\x00\x00\x08\x00\x00\x00\x00", "header of 8"),
        (b"FLV\x01\x05" + (MAX_HEADER_BYTES + 1).to_bytes(4, "big"), "header of 1025"),
        (HEADER[:-1] + b"\x01", "first back pointer"),
        (HEADER + b"\x0f" + bytes(10), "kind 15"),
        (HEADER + b"\x28" + bytes(10), "kind 40"),  # the encryption bit
        (HEADER + b"\x09" + bytes(9) + b"\x01", "stream id"),
        (HEADER + encode_tag(8, 0, b"sound")[:-1] + b"\x00", "back pointer of 0"),
        (HEADER + b"\x09\xff\xff\xff" + bytes(7), "at most"),
    ],
)
def test_what_is_wrong_is_named(data: bytes, reason: str) -> None:
    reader = FlvReader()
    with pytest.raises(RemoteProtocolError, match=reason):
        reader.receive(data)
    with pytest.raises(LocalProtocolError):
        reader.receive(b"")


def test_too_large_a_tag_has_its_own_reply() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        FlvReader(max_tag_body_bytes=4).receive(HEADER + encode_tag(8, 0, b"sound"))
    assert caught.value.reply == 413


@pytest.mark.parametrize("data", [b"", b"FLV", HEADER + b"\x09", HEADER + encode_tag(9, 0, b"picture")[:-1]])
def test_a_stream_that_ends_in_the_middle(data: bytes) -> None:
    reader = FlvReader()
    reader.receive(data)
    with pytest.raises(RemoteProtocolError, match="ends inside"):
        reader.finish()


@given(st.binary(max_size=60), st.booleans())
def test_only_its_own_error_escapes(data: bytes, headed: bool) -> None:
    data = HEADER + data if headed else data
    outcomes = []
    for step in (len(data) or 1, 1):
        reader, events = FlvReader(), []
        try:
            for at in range(0, len(data), step):
                events += reader.receive(data[at : at + step])
        except RemoteProtocolError as error:
            outcomes.append(str(error))
        else:
            outcomes.append(repr(events))
    assert outcomes[0] == outcomes[1]
