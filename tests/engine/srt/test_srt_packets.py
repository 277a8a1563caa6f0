"""Data packets read back as they were written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.srt.control import KeepAlive, encode_control
from engine.protocols.srt.errors import RemoteProtocolError
from engine.protocols.srt.limits import MAX_DATAGRAM_BYTES
from engine.protocols.srt.packets import (
    KEY_ODD,
    POSITION_SOLO,
    DataPacket,
    decode_data,
    destination,
    encode_data,
    is_control,
    marks_of,
)

words = st.integers(0, 0xFFFF_FFFF)
packets = st.builds(DataPacket, st.integers(0, 0x7FFF_FFFF), words, words, words, st.binary(max_size=64))


@given(packets)
def test_a_packet_reads_back(packet: DataPacket) -> None:
    datagram = encode_data(packet)
    assert not is_control(datagram)
    assert decode_data(datagram) == packet
    assert destination(datagram) == packet.dst_socket_id


@given(st.integers(0, 3), st.booleans(), st.integers(0, 3), st.booleans(), st.integers(0, 0x3FF_FFFF))
def test_marks_read_back(position: int, in_order: bool, key: int, retransmitted: bool, msgno: int) -> None:
    marks = marks_of(msgno, position=position, in_order=in_order, key=key, retransmitted=retransmitted)
    packet = DataPacket(1, marks, 2, 3, b"")
    assert (packet.position, packet.in_order, packet.key, packet.retransmitted, packet.msgno) == (
        position,
        in_order,
        key,
        retransmitted,
        msgno,
    )


def test_marks_stand_where_the_draft_draws_them() -> None:
    assert marks_of(5) == 0xC000_0005
    assert marks_of(5, in_order=True, key=KEY_ODD, retransmitted=True) == 0xF400_0005
    assert POSITION_SOLO == 3


def test_the_payload_of_a_view_is_a_view() -> None:
    packet = decode_data(memoryview(encode_data(DataPacket(1, 2, 3, 4, b"payload"))))
    assert isinstance(packet.payload, memoryview)
    assert bytes(packet.payload) == b"payload"


@pytest.mark.parametrize("size", [0, 1, 15, MAX_DATAGRAM_BYTES + 1])
def test_a_datagram_of_impossible_size_is_no_packet(size: int) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_data(bytes(size))
    with pytest.raises(RemoteProtocolError):
        destination(bytes(size))


def test_control_is_not_data() -> None:
    datagram = encode_control(KeepAlive(), 0, 0)
    assert is_control(datagram)
    with pytest.raises(RemoteProtocolError):
        decode_data(datagram)
