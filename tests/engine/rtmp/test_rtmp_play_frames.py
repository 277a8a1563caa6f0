"""The frames that players get: one message per tag, and nothing but the tag decides its bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.rtmp import encode_message, encoded_length
from engine.protocols.rtmp.chunks import RawMessage
from tests.engine.rtmp.wire import messages_of, noise, set_chunk_size

kinds = st.sampled_from([8, 9, 18])
times = st.one_of(st.integers(0, 0xFFFFFFFF), st.integers(0xFFFFFD, 0x1000001))
sizes = st.one_of(st.integers(0, 600), st.integers(65530, 65542), st.integers(131068, 131076))


@given(st.lists(st.tuples(kinds, times, sizes), max_size=6))
def test_what_a_player_reads_is_the_tag(tags: list[tuple[int, int, int]]) -> None:
    expected = [RawMessage(kind, time, 1, noise(str(size), size)) for kind, time, size in tags]
    frames = b"".join(encode_message(tag.type_id, tag.timestamp_ms, tag.body) for tag in expected)
    assert messages_of(set_chunk_size(65536) + frames) == expected


@given(kinds, times, sizes, st.sampled_from([128, 4096, 65536]))
def test_the_length_is_known_beforehand(kind: int, time: int, size: int, chunk: int) -> None:
    assert len(encode_message(kind, time, bytes(size), chunk)) == encoded_length(size, time, chunk)


def test_the_bytes_of_a_small_audio_tag() -> None:
    assert encode_message(8, 0x010203, b"ab") == b"\x06\x01\x02\x03\x00\x00\x02\x08\x01\x00\x00\x00ab"


def test_the_bytes_of_a_late_video_tag_in_small_chunks() -> None:
    assert encode_message(9, 0x01020304, b"abcde", 2) == (
        b"\x07\xff\xff\xff\x00\x00\x05\x09\x01\x00\x00\x00\x01\x02\x03\x04ab"
        b"\xc7\x01\x02\x03\x04cd"
        b"\xc7\x01\x02\x03\x04e"
    )


def test_time_wraps_at_32_bits() -> None:
    assert encode_message(9, (1 << 32) + 5, b"a") == encode_message(9, 5, b"a")
    assert encoded_length(1, (1 << 32) + 5) == 13


@pytest.mark.parametrize("body", [memoryview(b"abc"), memoryview(bytearray(200_000))])
def test_a_view_of_the_ring_is_as_good_as_bytes(body: memoryview) -> None:
    assert encode_message(9, 5, body) == encode_message(9, 5, bytes(body))
