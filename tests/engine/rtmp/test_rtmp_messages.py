"""Messages: what we write we read, and what is broken is refused or passes by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols import amf0
from engine.protocols.rtmp import LocalProtocolError, RemoteProtocolError
from engine.protocols.rtmp.chunks import RawMessage
from engine.protocols.rtmp.messages import (
    Abort,
    Ack,
    Aggregate,
    Audio,
    Command,
    Control,
    Data,
    Message,
    SetChunkSize,
    SetPeerBandwidth,
    Unknown,
    UserControl,
    UserControlKind,
    Video,
    WindowAckSize,
    encode,
    parse,
)

u32 = st.integers(0, 0xFFFFFFFF)
controls = st.one_of(
    st.builds(SetChunkSize, u32),
    st.builds(Abort, u32),
    st.builds(Ack, u32),
    st.builds(WindowAckSize, u32),
    st.builds(SetPeerBandwidth, u32, st.integers(0, 255)),
    st.builds(UserControl, st.integers(4, 0xFFFF), u32),
    st.builds(UserControl, st.just(UserControlKind.SET_BUFFER_LENGTH), u32, u32),
)


def raw(type_id: int, body: bytes, time: int = 0) -> RawMessage:
    return RawMessage(type_id, time, 1, body)


@given(controls)
def test_control_messages_are_read_as_written(message: Control) -> None:
    assert parse(raw(*encode(message))) == message


@given(st.text(max_size=20), st.integers(0, 99).map(float), st.lists(st.one_of(st.none(), st.booleans())))
def test_commands_are_read_as_written(name: str, transaction: float, arguments: list[bool | None]) -> None:
    command = Command(name, transaction, tuple(arguments))
    assert parse(raw(*encode(command))) == command


@given(st.integers(0, 255), st.binary(max_size=40))
def test_any_body_of_any_type_is_a_message_or_refused(type_id: int, body: bytes) -> None:
    try:
        parse(raw(type_id, body))
    except RemoteProtocolError as error:
        assert str(error)  # noqa: PT017 - either outcome is right, and nothing else may be raised


@pytest.mark.parametrize("message", [Ack(-1), SetChunkSize(1 << 32), SetPeerBandwidth(1, 256)])
def test_numbers_that_do_not_fit_are_our_error(message: Control) -> None:
    with pytest.raises(LocalProtocolError):
        encode(message)


@pytest.mark.parametrize("type_id", [1, 2, 3, 5, 6])
def test_control_messages_need_their_number(type_id: int) -> None:
    with pytest.raises(RemoteProtocolError):
        parse(raw(type_id, b"\0\0\0"))


@pytest.mark.parametrize(("type_id", "body"), [(0, b""), (7, b"x"), (16, b""), (19, b"shared"), (4, b"\0\1")])
def test_what_we_do_not_read_passes_by(type_id: int, body: bytes) -> None:
    assert parse(raw(type_id, body)) == Unknown(type_id)


MEDIA: list[tuple[int, Message]] = [
    (8, Audio(7, b"\0body")), (9, Video(7, b"\0body")), (18, Data(7, b"\0body")), (15, Data(7, b"body"))
]  # fmt: skip


@pytest.mark.parametrize(("type_id", "opened"), MEDIA)
def test_media_is_not_opened(type_id: int, opened: Message) -> None:
    assert parse(raw(type_id, b"\0body", 7)) == opened


@pytest.mark.parametrize("type_id", [15, 17])
def test_amf3_itself_is_refused(type_id: int) -> None:
    with pytest.raises(RemoteProtocolError):
        parse(raw(type_id, b"\x11" + amf0.encode("connect", 1.0)))


def sub_tag(kind: int, time: int, body: bytes) -> bytes:
    stamp = (time & 0xFFFFFF).to_bytes(3) + (time >> 24).to_bytes(1)
    return bytes((kind,)) + len(body).to_bytes(3) + stamp + bytes(3) + body + (len(body) + 11).to_bytes(4)


def test_tags_of_an_aggregate_count_from_its_own_time() -> None:
    body = sub_tag(8, 0x1000000, b"a") + sub_tag(9, 0x1000014, b"v") + sub_tag(18, 0x1000000, b"d")
    assert parse(raw(22, body, 0xFFFFFFFE)) == Aggregate(
        (Audio(0xFFFFFFFE, b"a"), Video(18, b"v"), Data(0xFFFFFFFE, b"d"))
    )


def test_the_last_back_pointer_of_an_aggregate_may_be_missing() -> None:
    assert parse(raw(22, sub_tag(8, 5, b"abc")[:-4], 9)) == Aggregate((Audio(9, b"abc"),))


def test_an_empty_aggregate_has_no_tags() -> None:
    assert parse(raw(22, b"")) == Aggregate(())
