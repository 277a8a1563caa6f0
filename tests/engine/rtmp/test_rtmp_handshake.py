"""The handshake in its plain and digest forms, from both ends, however it is cut."""

import hashlib
import hmac

import pytest

from engine.protocols.rtmp import RemoteProtocolError
from engine.protocols.rtmp.handshake import (
    C0_C1_BYTES,
    PACKET_BYTES,
    ClientHandshake,
    ServerHandshake,
    answer,
    find_digest,
    sign,
)
from tests.engine.rtmp.wire import byte_by_byte, noise

PLAYER = b"Genuine Adobe Flash Player 001"
SERVER = b"Genuine Adobe Flash Media Server 001"
PLAIN_C1 = bytes(8) + noise("c1", PACKET_BYTES - 8)
DIGEST_C1 = b"\x00\x00\x00\x00\x80\x00\x07\x02" + noise("c1", PACKET_BYTES - 8)
SCHEMES = pytest.mark.parametrize("base", [8, 772], ids=["scheme 0", "scheme 1"])


def test_a_plain_client_gets_its_own_packet_back() -> None:
    reply = answer(PLAIN_C1, b"seed")
    assert len(reply) == 1 + 2 * PACKET_BYTES
    assert reply[0] == 3
    assert reply[1:9] == bytes(8)
    assert reply[1 + PACKET_BYTES :] == PLAIN_C1


@SCHEMES
def test_a_digest_client_can_verify_both_packets(base: int) -> None:
    c1 = sign(DIGEST_C1, PLAYER, base)
    reply = answer(c1, b"seed")
    s1, s2 = reply[1 : 1 + PACKET_BYTES], reply[1 + PACKET_BYTES :]
    assert find_digest(s1, SERVER, base) is not None
    digest = find_digest(c1, PLAYER, base)
    assert digest is not None
    tail = bytes.fromhex("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae")
    key = hmac.new(SERVER + tail, digest, hashlib.sha256).digest()
    assert s2[-32:] == hmac.new(key, s2[:-32], hashlib.sha256).digest()


@SCHEMES
def test_a_digest_with_one_wrong_byte_is_a_plain_handshake(base: int) -> None:
    c1 = bytearray(sign(DIGEST_C1, PLAYER, base))
    c1[700] ^= 1
    assert answer(bytes(c1), b"")[1 + PACKET_BYTES :] == bytes(c1)


@pytest.mark.parametrize("fill", [0, 0xFF])
@SCHEMES
def test_the_digest_stays_inside_the_packet_wherever_the_offset_points(base: int, fill: int) -> None:
    packet = bytearray(DIGEST_C1)
    packet[base : base + 4] = bytes((fill,)) * 4
    signed = sign(bytes(packet), PLAYER, base)
    assert len(signed) == PACKET_BYTES
    assert find_digest(signed, PLAYER, base) is not None


def test_equal_seeds_give_equal_packets_and_others_do_not() -> None:
    assert answer(PLAIN_C1, b"a") == answer(PLAIN_C1, b"a")
    assert answer(PLAIN_C1, b"a")[:PACKET_BYTES] != answer(PLAIN_C1, b"b")[:PACKET_BYTES]


def test_byte_by_byte_is_the_same_as_whole() -> None:
    data = b"\x03" + PLAIN_C1 + bytes(PACKET_BYTES) + b"chunks"
    whole, dripped = ServerHandshake(b"s"), ServerHandshake(b"s")
    reply = whole.receive(data)
    assert b"".join(dripped.receive(piece) for piece in byte_by_byte(data)) == reply
    assert whole.done
    assert dripped.done
    assert whole.buffered == dripped.buffered == b"chunks"


def test_the_server_answers_before_c2() -> None:
    server = ServerHandshake()
    assert server.receive(b"\x03" + PLAIN_C1[:-1]) == b""
    assert len(server.receive(PLAIN_C1[-1:])) == 1 + 2 * PACKET_BYTES
    assert not server.done


@pytest.mark.parametrize("first", [b"\x06", b"G", b"\x16"], ids=["rtmpe", "http", "tls"])
def test_other_protocols_are_refused_at_their_first_byte(first: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        ServerHandshake().receive(first)
    with pytest.raises(RemoteProtocolError):
        ClientHandshake().receive(first)


def test_both_ends_come_to_terms_and_keep_what_follows() -> None:
    client, server = ClientHandshake(b"c"), ServerHandshake(b"s")
    c2 = client.receive(server.receive(client.start()) + b"first")
    assert client.done
    assert client.buffered == b"first"
    assert server.receive(c2 + b"second") == b""
    assert server.done
    assert server.buffered == b"second"
    assert len(client.start()) == C0_C1_BYTES
