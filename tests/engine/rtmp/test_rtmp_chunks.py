"""Chunks: every header form, interleaving, and what peers do that the specification does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.rtmp.chunk_writer import ChunkWriter
from engine.protocols.rtmp.chunks import ChunkReader, RawMessage
from engine.protocols.rtmp.errors import LocalProtocolError, RemoteProtocolError
from engine.protocols.rtmp.limits import AFTER_PUBLISH, BEFORE_PUBLISH
from tests.engine.rtmp.wire import byte_by_byte, cut, head, message, messages_of, noise, set_chunk_size


def times_of(chunks: bytes) -> list[int]:
    return [raw.timestamp_ms for raw in messages_of(chunks)]


def test_the_four_header_types() -> None:
    chunks = (
        head(0, 4, 1000, 3, 8, 1) + b"abc"
        + head(1, 4, 20, 2, 9) + b"de"
        + head(2, 4, 30) + b"fg"
        + head(3, 4) + b"hi"
    )  # fmt: skip
    assert messages_of(chunks) == [
        RawMessage(8, 1000, 1, b"abc"),
        RawMessage(9, 1020, 1, b"de"),
        RawMessage(9, 1050, 1, b"fg"),
        RawMessage(9, 1080, 1, b"hi"),
    ]


def test_a_type_3_after_a_type_0_adds_its_timestamp_as_ffmpeg_means_it() -> None:
    assert times_of(head(0, 4, 40, 1, 8) + b"a" + head(3, 4) + b"b") == [40, 80]


def test_a_first_header_of_type_1_counts_from_zero_as_librtmp_sends_it() -> None:
    assert messages_of(head(1, 2, 7, 6, 4) + b"\x00\x03abcd") == [RawMessage(4, 7, 0, b"\x00\x03abcd")]


@pytest.mark.parametrize("chunk_type", [2, 3])
def test_a_chunk_stream_cannot_begin_with_less(chunk_type: int) -> None:
    with pytest.raises(RemoteProtocolError):
        messages_of(head(chunk_type, 4))


def test_time_wraps_at_32_bits() -> None:
    chunks = head(0, 4, 0xFFFFFFF0, 1, 8) + b"a" + head(2, 4, 0x20) + b"b"
    assert times_of(chunks) == [0xFFFFFFF0, 0x10]


@pytest.mark.parametrize("csid", [2, 63, 64, 319, 320, 65599])
def test_ids_of_one_two_and_three_bytes(csid: int) -> None:
    body = noise("body", 300)
    chunks = ChunkWriter().write(csid, 9, 5, 1, body)
    assert messages_of(chunks) == [RawMessage(9, 5, 1, body)]


def test_messages_of_several_chunk_streams_interleaved() -> None:
    video, audio = noise("video", 300), noise("audio", 200)
    chunks = (
        head(0, 6, 10, 300, 9, 1) + video[:128]
        + head(0, 4, 11, 200, 8, 1) + audio[:128]
        + head(3, 6) + video[128:256]
        + head(3, 4) + audio[128:]
        + head(3, 6) + video[256:]
    )  # fmt: skip
    assert messages_of(chunks) == [RawMessage(8, 11, 1, audio), RawMessage(9, 10, 1, video)]


def test_an_extended_timestamp_is_repeated_in_every_chunk() -> None:
    body = noise("body", 300)
    chunks = message(4, 9, body, time=0x1000000, stream=1)
    assert messages_of(chunks) == [RawMessage(9, 0x1000000, 1, body)]


def test_a_peer_may_leave_the_repeated_timestamp_out_inside_a_message() -> None:
    body = noise("body", 300)
    chunks = head(0, 4, 0x1000000, 300, 9, 1) + body[:128] + b"\xc4" + body[128:256] + b"\xc4" + body[256:]
    assert messages_of(chunks) == [RawMessage(9, 0x1000000, 1, body)]


def test_the_largest_timestamp_without_extension_and_the_first_with() -> None:
    assert times_of(message(4, 9, b"a", time=0xFFFFFE)) == [0xFFFFFE]
    assert times_of(message(4, 9, b"a", time=0xFFFFFF)) == [0xFFFFFF]


def test_a_small_timestamp_may_stand_in_the_extended_field() -> None:
    first = b"\x04\xff\xff\xff" + b"\x00\x00\x82\x09" + b"\x01\x00\x00\x00" + b"\x00\x00\x00\x05"
    body = noise("body", 0x82)
    chunks = first + body[:128] + b"\xc4\x00\x00\x00\x05" + body[128:]
    assert messages_of(chunks) == [RawMessage(9, 5, 1, body)]


def test_an_extended_delta_counts_again_in_a_type_3_header() -> None:
    chunks = (
        message(4, 9, b"a", time=1)
        + head(2, 4, 0x1000000) + b"b"
        + b"\xc4\x01\x00\x00\x00" + b"c"
    )  # fmt: skip
    assert times_of(chunks) == [1, 0x1000001, 0x2000001]


def test_an_empty_message_is_a_message() -> None:
    assert messages_of(head(0, 4, 0, 0, 8, 1) + head(3, 4)) == [
        RawMessage(8, 0, 1, b""),
        RawMessage(8, 0, 1, b""),
    ]


def test_abort_drops_the_half_message() -> None:
    chunks = (
        head(0, 4, 10, 200, 9, 1) + bytes(128)
        + message(2, 2, (4).to_bytes(4))
        + head(0, 4, 20, 3, 9, 1) + b"abc"
    )  # fmt: skip
    assert messages_of(chunks) == [RawMessage(9, 20, 1, b"abc")]


def test_abort_of_a_chunk_stream_that_is_not_there_is_nothing() -> None:
    assert messages_of(message(2, 2, (9).to_bytes(4)) + message(4, 8, b"a")) == [RawMessage(8, 0, 0, b"a")]


def test_a_new_message_inside_another_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="inside another"):
        messages_of(head(0, 4, 0, 200, 9, 1) + bytes(128) + head(0, 4, 0, 3, 9, 1) + b"abc")


def test_a_new_chunk_size_holds_from_the_next_chunk_on() -> None:
    body = noise("body", 5000)
    chunks = set_chunk_size(4096) + message(4, 9, body, chunk=4096)
    assert [raw.body for raw in messages_of(chunks)] == [body]


def test_the_chunk_size_may_change_in_the_middle_of_a_message() -> None:
    body = noise("body", 1000)
    chunks = head(0, 4, 0, 1000, 9, 1) + body[:128] + set_chunk_size(4096) + b"\xc4" + body[128:]
    assert [raw.body for raw in messages_of(chunks)] == [body]


@pytest.mark.parametrize("size", [0, 65537, 0x7FFFFFFF, 0x80000080, 0xFFFFFFFF])
def test_chunk_sizes_out_of_range_are_refused(size: int) -> None:
    with pytest.raises(RemoteProtocolError, match="chunk size"):
        messages_of(set_chunk_size(size))


@pytest.mark.parametrize("type_id", [1, 2])
def test_a_chunk_control_message_needs_its_number(type_id: int) -> None:
    with pytest.raises(RemoteProtocolError):
        messages_of(message(2, type_id, b"\x00\x00"))


def test_limits_may_change_between_two_messages() -> None:
    big = message(4, 9, bytes(70_000))
    with pytest.raises(RemoteProtocolError, match="70000 bytes"):
        messages_of(big, BEFORE_PUBLISH)
    assert len(messages_of(big, AFTER_PUBLISH)) == 1


def test_the_read_buffer_may_be_used_again_after_settling() -> None:
    body = noise("body", 500)
    chunks = message(4, 9, body, stream=1)
    buffer = bytearray(64)
    reader = ChunkReader(AFTER_PUBLISH)
    found = []
    for piece in cut(chunks, range(0, len(chunks), 50)):
        buffer[: len(piece)] = piece
        reader.receive(memoryview(buffer)[: len(piece)], 0.0)
        found += list(iter(reader.next_message, None))
        reader.settle()
        buffer[:] = bytes(64)
    assert found == [RawMessage(9, 0, 1, body)]


def test_consumed_counts_every_byte() -> None:
    chunks = message(4, 9, noise("body", 500))
    reader = ChunkReader()
    for piece in byte_by_byte(chunks):
        reader.receive(piece, 0.0)
        reader.next_message()
        reader.settle()
    assert reader.consumed == len(chunks)


raw_messages = st.lists(
    st.tuples(
        st.sampled_from([2, 3, 4, 6, 63, 64, 319, 320, 65599]),
        st.sampled_from([8, 9, 18, 20]),
        st.one_of(st.integers(0, 3000), st.integers(0xFFFFF0, 0x1000010), st.integers(0, 0xFFFFFFFF)),
        st.sampled_from([0, 1]),
        st.one_of(st.integers(0, 300), st.integers(0, 9000)),
    ),
    max_size=12,
)


@given(raw_messages, st.sampled_from([1, 100, 128, 4096, 65536]))
def test_what_the_writer_writes_the_reader_reads(
    specified: list[tuple[int, int, int, int, int]], chunk_size: int
) -> None:
    writer = ChunkWriter()
    chunks = writer.write(2, 1, 0, 0, chunk_size.to_bytes(4))
    writer.chunk_size = chunk_size
    expected = []
    for number, (csid, type_id, time, stream, size) in enumerate(specified):
        body = noise(str(number), size)
        chunks += writer.write(csid, type_id, time, stream, body)
        expected.append(RawMessage(type_id, time, stream, body))
    assert messages_of(chunks) == expected


def test_the_writer_saves_header_bytes_where_it_can() -> None:
    writer = ChunkWriter()
    sizes = [len(writer.write(4, 8, time, 1, b"ab")) - 2 for time in (0, 20, 40, 60)]
    assert sizes == [12, 4, 1, 1]


@pytest.mark.parametrize(("csid", "size"), [(1, 0), (65600, 0), (4, 1 << 24)])
def test_the_writer_refuses_what_has_no_encoding(csid: int, size: int) -> None:
    with pytest.raises(LocalProtocolError):
        ChunkWriter().write(csid, 8, 0, 1, bytes(size))
