"""FLV tags: what is written can be read back, and only the timestamp changes when it is changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.media import tags
from engine.media.tags import OverlongBody, TagView, encode_tag, flv_header, retime, split_tags

KINDS = st.sampled_from((tags.KIND_AUDIO, tags.KIND_VIDEO, tags.KIND_SCRIPT))
TIMES = st.integers(0, 2**32 - 1)


def test_a_tag_is_written_as_the_specification_says() -> None:
    assert encode_tag(9, 0x01020304, b"abc") == bytes.fromhex("09 000003 020304 01 000000 616263 0000000e")


@given(KINDS, TIMES, st.binary(max_size=300))
def test_what_is_written_is_read_back(kind: int, timestamp_ms: int, body: bytes) -> None:
    tag = encode_tag(kind, timestamp_ms, body)
    assert len(tag) == len(body) + tags.TAG_OVERHEAD_BYTES
    assert list(split_tags(tag)) == [TagView(kind, timestamp_ms, body)]


@given(KINDS, TIMES, TIMES, st.binary(max_size=300))
def test_another_time_changes_nothing_else(kind: int, before_ms: int, after_ms: int, body: bytes) -> None:
    assert retime(encode_tag(kind, before_ms, body), after_ms) == encode_tag(kind, after_ms, body)


def test_bodies_of_every_kind_of_buffer_are_taken() -> None:
    expected = encode_tag(8, 5, b"body")
    assert encode_tag(8, 5, bytearray(b"body")) == expected
    assert encode_tag(8, 5, memoryview(b"a body")[2:]) == expected
    assert retime(memoryview(expected), 5) == expected


def test_an_empty_body_is_a_tag() -> None:
    assert list(split_tags(encode_tag(8, 7, b""))) == [TagView(8, 7, b"")]


def test_a_body_that_the_length_cannot_say_is_refused() -> None:
    with pytest.raises(OverlongBody):
        encode_tag(9, 0, bytes(tags.MAX_BODY_BYTES + 1))


@given(st.binary(max_size=40), st.integers(0, 40))
def test_a_torn_run_yields_its_whole_tags(body: bytes, cut: int) -> None:
    run = encode_tag(8, 1, b"first") + encode_tag(9, 2, body)
    found = list(split_tags(run[: len(run) - cut]))
    assert found[: 1 if cut else 2] == [TagView(8, 1, b"first"), TagView(9, 2, body)][: len(found)]
    assert (len(found) == 2) == (cut == 0)


@pytest.mark.parametrize(("video", "audio", "flags"), [(True, True, 5), (True, False, 1), (False, True, 4)])
def test_the_file_header_says_which_tracks_there_are(video: bool, audio: bool, flags: int) -> None:
    header = flv_header(video=video, audio=audio)
    assert header == b"FLV\x01" + bytes((flags, 0, 0, 0, 9, 0, 0, 0, 0))
    assert len(header) == tags.FLV_HEADER_BYTES
