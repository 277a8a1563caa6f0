"""The four libsrt reports of 2026, each as the packet that did the harm.

All four believed a length that the peer had chosen. libsrt 1.5.6 has the corrections.
"""

import pytest

from engine.protocols.srt.control import (
    HSREQ_BYTES,
    Handshake,
    UserDefined,
    decode_control,
    encode_control,
)
from engine.protocols.srt.errors import RemoteProtocolError
from engine.protocols.srt.handshake import BLOCK_KMREQ
from engine.protocols.srt.key_material import CipherMode, KmState, encode_km_state
from engine.protocols.srt.keys import ReceiveKeys, SendKeys, generate_keys, key_message
from engine.protocols.srt.limits import MAX_KM_BYTES, MAX_PAYLOAD_BYTES
from engine.protocols.srt.listener import ConnectionRequest
from engine.protocols.srt.negotiated import Refusal
from engine.protocols.srt.rejections import Rejection
from tests.engine.srt.handshakes import (
    CALLER,
    CALLER_SEED,
    PASSPHRASE,
    START_US,
    call,
    changed,
    conclusion_of,
    handshake_in,
    listener_terms,
    new_listener,
)

KEYS = generate_keys(PASSPHRASE, 32, CipherMode.CTR, CALLER_SEED)
HEADER = {"KMREQ": "ffff0003", "KMRSP": "ffff0004"}


def user_packet(kind: str, content: bytes) -> bytes:
    return bytes.fromhex(HEADER[kind] + "00000000 00000001 00000002") + content


def is_refused(datagram: bytes) -> bool:
    try:
        decode_control(datagram)
    except RemoteProtocolError:
        return True
    return False


@pytest.mark.parametrize("size", [MAX_KM_BYTES + 4, 1352, MAX_PAYLOAD_BYTES, 0, 3, 5, 73])
def test_cve_2026_55869_a_kmreq_longer_than_the_longest_key_message_after_the_handshake(size: int) -> None:
    assert is_refused(user_packet("KMREQ", key_message(KEYS).ljust(size, b"\xaa")[:size]))


def test_cve_2026_55869_a_kmreq_longer_than_the_longest_key_message_within_the_handshake() -> None:
    listener = new_listener()
    conclusion = conclusion_of(listener, call(PASSPHRASE))
    handshake = handshake_in(conclusion)
    without = handshake.extensions[: -len(key_message(KEYS))]  # whatever it is, the block is the last one
    words = 300
    block = bytes((0, BLOCK_KMREQ)) + words.to_bytes(2, "big") + b"\xaa" * 4 * words
    head = handshake.extensions[: 4 + HSREQ_BYTES]
    assert without.startswith(head)
    request = listener.receive(changed(conclusion, extensions=head + block), CALLER, START_US)
    assert isinstance(request, ConnectionRequest)
    refusal = listener.accept(request, listener_terms(PASSPHRASE), START_US)
    assert isinstance(refusal, Refusal)
    assert refusal.code == Rejection.ROGUE


@pytest.mark.parametrize("size", [MAX_KM_BYTES + 4, 1352, MAX_PAYLOAD_BYTES, 0, 3, 5])
def test_cve_2026_55868_a_kmrsp_longer_than_the_longest_key_message(size: int) -> None:
    assert is_refused(user_packet("KMRSP", bytes(size)))


@pytest.mark.parametrize("state", KmState)
def test_cve_2026_55868_a_kmrsp_that_nobody_asked_for_does_not_end_the_encryption(state: KmState) -> None:
    keys = SendKeys(KEYS, CALLER_SEED, refresh_packets=10, announce_packets=4)
    body = decode_control(user_packet("KMRSP", encode_km_state(state))).body
    assert isinstance(body, UserDefined)
    for _ in range(20):
        keys.advance()
        before = (keys.key, keys.unanswered, keys.keys)
        assert not keys.answered(body.content)
        assert (keys.key, keys.unanswered, keys.keys) == before


def test_cve_2026_55868_a_forged_kmreq_does_not_end_the_encryption() -> None:
    keys = ReceiveKeys(KEYS, PASSPHRASE)
    forged = key_message(KEYS)[:-1] + b"\x00"
    assert keys.take(forged, START_US) == encode_km_state(KmState.BAD_SECRET)
    assert keys.keys == KEYS


def test_pull_3324_a_lossreport_whose_range_begins_in_the_last_word() -> None:
    header = bytes.fromhex("80030000 00000000 00000001 00000002")
    assert is_refused(header + bytes.fromhex("80000005"))
    assert is_refused(header + bytes.fromhex("00000003 80000005"))
    assert is_refused(header + bytes.fromhex("80000005 80000006"))
    assert is_refused(header)
    assert is_refused(header + bytes(3))
    assert is_refused(header + bytes(5))


def test_pull_3324_a_lossreport_whose_range_runs_backwards() -> None:
    assert is_refused(bytes.fromhex("80030000 00000000 00000001 00000002 80000006 00000005"))


@pytest.mark.parametrize("size", [0, 3, 4, 7, 9, 12, 1456])
def test_pull_3320_a_dropreq_that_is_not_two_words(size: int) -> None:
    assert is_refused(bytes.fromhex("80070000 00000001 00000001 00000002") + bytes(size))


@pytest.mark.parametrize("words", ["00000006 00000005", "80000005 00000006", "00000005 80000006"])
def test_pull_3322_a_dropreq_whose_range_is_none(words: str) -> None:
    assert is_refused(bytes.fromhex("80070000 00000001 00000001 00000002" + words))


def test_the_packets_without_the_fault_are_read() -> None:
    assert decode_control(user_packet("KMREQ", key_message(KEYS))).body == UserDefined(3, key_message(KEYS))
    assert isinstance(decode_control(encode_control(handshake_in(_conclusion()), 0, 0)).body, Handshake)


def _conclusion() -> bytes:
    return conclusion_of(new_listener(), call(PASSPHRASE))
