"""The listener: what it holds, what it answers, and what it refuses with which code."""

import struct

import pytest

from engine.protocols.srt.control import Handshake, KeepAlive, decode_control, encode_control
from engine.protocols.srt.cookie import Peer
from engine.protocols.srt.errors import LocalProtocolError, RemoteProtocolError
from engine.protocols.srt.handshake import MAGIC, OUR_FLAGS, Flag
from engine.protocols.srt.key_material import CipherMode
from engine.protocols.srt.limits import (
    ANSWER_LIFE_US,
    MAX_ANSWERED,
    MAX_ASKED,
    MAX_INDUCTIONS_PER_S,
)
from engine.protocols.srt.listener import Answer, ConnectionRequest, Listener
from engine.protocols.srt.negotiated import Negotiated, Refusal
from engine.protocols.srt.rejections import Rejection, code_of
from tests.engine.srt.handshakes import (
    CALLER,
    PASSPHRASE,
    START_US,
    call,
    changed,
    conclusion_of,
    handshake_in,
    listener_terms,
    new_caller,
    new_listener,
    request_of,
)
from tests.engine.srt.transcripts import ACCEPTED

SECOND_US = 1_000_000
INDUCTION = ACCEPTED[0].induction


def induce(listener: Listener, peer: Peer = CALLER, now_us: int = START_US) -> Answer | None:
    outcome = listener.receive(INDUCTION, peer, now_us)
    assert outcome is None or isinstance(outcome, Answer)
    return outcome


def test_an_induction_is_answered_with_a_cookie_and_forgotten() -> None:
    listener = new_listener()
    answer = induce(listener)
    assert answer is not None
    asked, answered = handshake_in(INDUCTION), handshake_in(answer.datagram)
    assert (answered.version, answered.extension) == (5, MAGIC)
    assert answered.cookie != 0
    assert decode_control(answer.datagram).dst_socket_id == asked.socket_id
    assert listener.exchanges == 0


def test_the_answer_to_an_induction_is_no_longer_than_the_induction() -> None:
    stuffed = changed(INDUCTION, extensions=bytes(1400))
    for induction in (INDUCTION, stuffed):
        answer = new_listener().receive(induction, CALLER, START_US)
        assert isinstance(answer, Answer)
        assert len(answer.datagram) <= len(INDUCTION)


def test_the_cookie_depends_on_the_address() -> None:
    listener = new_listener()
    peers = [CALLER, Peer(CALLER.host, 40001), Peer("127.0.0.2", 40000), Peer("127.0.0.24", 0)]
    cookies = [answer.datagram[44:48] for peer in peers if (answer := induce(listener, peer))]
    assert len(set(cookies)) == len(peers)


def test_a_cookie_is_good_for_its_address_for_a_minute_and_not_for_three() -> None:
    listener = new_listener()
    conclusion = conclusion_of(listener, call())
    with pytest.raises(RemoteProtocolError):
        listener.receive(conclusion, Peer(CALLER.host, CALLER.port + 1), START_US)
    with pytest.raises(RemoteProtocolError):
        listener.receive(conclusion, CALLER, START_US + 180 * SECOND_US)
    with pytest.raises(RemoteProtocolError):
        new_listener_with_another_secret().receive(conclusion, CALLER, START_US)
    assert listener.exchanges == 0
    outcome = listener.receive(conclusion, CALLER, START_US + 60 * SECOND_US)
    assert isinstance(outcome, ConnectionRequest)


def new_listener_with_another_secret() -> Listener:
    return Listener(b"another secret", START_US)


@pytest.mark.parametrize("cookie", [0, 1, 0xFFFF_FFFF])
def test_a_conclusion_without_our_cookie_is_dropped_in_silence(cookie: int) -> None:
    listener = new_listener()
    conclusion = changed(conclusion_of(listener, call()), cookie=cookie)
    with pytest.raises(RemoteProtocolError):
        listener.receive(conclusion, CALLER, START_US)
    assert listener.exchanges == 0


def test_one_address_gets_so_many_answers_in_a_second() -> None:
    listener = new_listener()
    answers = [induce(listener) for _ in range(MAX_INDUCTIONS_PER_S + 10)]
    assert sum(answer is not None for answer in answers) == MAX_INDUCTIONS_PER_S
    assert induce(listener, Peer("192.0.2.1", 1)) is not None
    assert induce(listener, CALLER, START_US + SECOND_US) is not None


def test_forged_addresses_do_not_keep_others_out() -> None:
    listener = new_listener()
    for number in range(20_000):
        listener.receive(INDUCTION, Peer(f"10.{number >> 8}.{number & 255}.1", 1), START_US)
    assert listener.exchanges == 0
    assert induce(listener) is not None


def test_a_request_says_what_the_caller_said() -> None:
    request = request_of(new_listener(), call(PASSPHRASE, stream_id="#!::r=live/cam,m=publish"))
    assert request.stream_id == "#!::r=live/cam,m=publish"
    assert request.peer == CALLER
    assert request.encrypted
    assert not request_of(new_listener(), call()).encrypted


def test_accepting_settles_a_connection() -> None:
    listener = new_listener()
    request = request_of(listener, call(initial_seq=1234, receive_latency_ms=50, send_latency_ms=400))
    terms = listener_terms(receive_latency_ms=300, send_latency_ms=70)
    negotiated = listener.accept(request, terms, START_US + 7)
    assert isinstance(negotiated, Negotiated)
    assert (negotiated.initial_seq, negotiated.peer_initial_seq) == (1234, 1234)
    assert (negotiated.receive_latency_ms, negotiated.send_latency_ms) == (400, 70)
    assert negotiated.peer_socket_id == 0x0CA11E12
    assert negotiated.start_us == START_US + 7
    assert negotiated.peer_start_us == START_US
    assert negotiated.keys is None
    assert negotiated.max_payload_bytes == 1456
    answer = decode_control(negotiated.answer)
    assert (answer.timestamp_us, answer.dst_socket_id) == (0, 0x0CA11E12)


def test_a_conclusion_that_comes_again_is_answered_with_the_same_bytes() -> None:
    listener = new_listener()
    conclusion = conclusion_of(listener, call(PASSPHRASE))
    request = listener.receive(conclusion, CALLER, START_US)
    assert isinstance(request, ConnectionRequest)
    assert listener.receive(conclusion, CALLER, START_US + 1) is None
    negotiated = listener.accept(request, listener_terms(PASSPHRASE), START_US + 2)
    for later_us in (3, 250_000, ANSWER_LIFE_US):
        assert listener.receive(conclusion, CALLER, START_US + later_us) == Answer(negotiated.answer)
    assert listener.exchanges == 1


def test_a_refusal_is_given_again_too() -> None:
    listener = new_listener()
    conclusion = conclusion_of(listener, call())
    request = listener.receive(conclusion, CALLER, START_US)
    assert isinstance(request, ConnectionRequest)
    refusal = listener.refuse(request, 2005, START_US)
    assert code_of(handshake_in(refusal.answer).request) == 2005
    assert listener.receive(conclusion, CALLER, START_US + 9) == Answer(refusal.answer)


def test_a_caller_that_comes_back_from_the_same_port_is_a_new_one() -> None:
    listener = new_listener()
    listener.accept(request_of(listener, call(initial_seq=1)), listener_terms(), START_US)
    assert isinstance(request_of(listener, call(initial_seq=2)), ConnectionRequest)
    assert isinstance(request_of(listener, call(socket_id=5)), ConnectionRequest)


def test_answers_are_forgotten_after_their_time_or_on_demand() -> None:
    listener = new_listener()
    first = request_of(listener, call())
    listener.accept(first, listener_terms(), START_US)
    later_us = START_US + ANSWER_LIFE_US + 1
    second = request_of(listener, call(socket_id=5), later_us)
    assert listener.exchanges == 1
    listener.refuse(second, Rejection.NOT_FOUND, later_us)
    listener.forget(second)
    listener.forget(second)
    assert listener.exchanges == 0
    third = request_of(listener, call(socket_id=6), later_us)
    listener.forget(third)
    assert listener.exchanges == 0


def test_a_decision_is_taken_once() -> None:
    listener = new_listener()
    request = request_of(listener, call())
    listener.accept(request, listener_terms(), START_US)
    with pytest.raises(LocalProtocolError):
        listener.accept(request, listener_terms(), START_US)
    with pytest.raises(LocalProtocolError):
        listener.refuse(request, Rejection.NOT_FOUND, START_US)


@pytest.mark.parametrize(
    "changes",
    [
        {"receive_latency_ms": -1},
        {"receive_latency_ms": 65536},
        {"send_latency_ms": 65536},
        {"mtu_bytes": 75},
        {"mtu_bytes": 9000},
        {"flow_window_packets": 1},
    ],
)
def test_impossible_terms_are_our_own_fault(changes: dict[str, int]) -> None:
    listener = new_listener()
    request = request_of(listener, call())
    with pytest.raises(LocalProtocolError):
        listener.accept(request, listener_terms("", 1, **changes), START_US)
    with pytest.raises(LocalProtocolError):
        listener.accept(request, listener_terms("short"), START_US)
    with pytest.raises(LocalProtocolError):
        listener.accept(request, listener_terms(socket_id=0), START_US)
    assert isinstance(listener.accept(request, listener_terms(), START_US), Negotiated)


def refusal_of(conclusion: bytes, listener: Listener) -> int:
    outcome = listener.receive(conclusion, CALLER, START_US)
    assert isinstance(outcome, Refusal)
    answer = handshake_in(outcome.answer)
    assert code_of(answer.request) == outcome.code
    assert answer.extensions == b""
    assert len(outcome.answer) <= len(conclusion)
    assert listener.exchanges == 0
    return outcome.code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"version": 4}, Rejection.VERSION),
        ({"version": 0}, Rejection.ROGUE),
        ({"version": 6}, Rejection.ROGUE),
        ({"initial_seq": 0x7FFF_FFFF}, Rejection.ROGUE),
        ({"initial_seq": 0x8000_0000}, Rejection.ROGUE),
        ({"socket_id": 0}, Rejection.ROGUE),
        ({"mtu_bytes": 75}, Rejection.ROGUE),
        ({"flow_window_packets": 1}, Rejection.ROGUE),
        ({"extension": 0}, Rejection.ROGUE),
        ({"extensions": b""}, Rejection.ROGUE),
    ],
)
def test_a_conclusion_with_impossible_fields_is_refused(changes: dict[str, object], code: Rejection) -> None:
    listener = new_listener()
    conclusion = conclusion_of(listener, call())
    assert refusal_of(changed(conclusion, **changes), listener) == code


def blocks(*, version: int = 0x010507, flags: int = OUR_FLAGS, more: bytes = b"") -> bytes:
    return struct.pack(">HHIIHH", 1, 3, version, flags, 120, 0) + more


FILE = struct.pack(">HH", 6, 1) + b"elif"
LIVE = struct.pack(">HH", 6, 1) + b"evil"
FEC = struct.pack(">HH", 7, 1) + b"\0cef"
GROUP = struct.pack(">HHII", 8, 2, 0x4000_0001, 0x0101_0000)


@pytest.mark.parametrize(
    ("extensions", "code"),
    [
        (blocks(version=0x010200), Rejection.ROGUE),
        (blocks(flags=OUR_FLAGS | Flag.STREAM), Rejection.MESSAGE_API),
        (blocks(flags=OUR_FLAGS & ~Flag.RETRANSMIT_BIT), Rejection.VERSION),
        (blocks(more=FILE), Rejection.CONGESTION),
        (blocks(more=FEC), Rejection.FILTER),
        (blocks(more=GROUP), Rejection.GROUP),
    ],
    ids=["old", "stream mode", "27-bit message numbers", "file congestion control", "filter", "group"],
)
def test_a_conclusion_that_wants_what_we_have_not_is_refused(extensions: bytes, code: Rejection) -> None:
    listener = new_listener()
    conclusion = conclusion_of(listener, call())
    assert refusal_of(changed(conclusion, extension=5, extensions=extensions), listener) == code


def test_a_caller_may_say_that_it_is_live() -> None:
    listener = new_listener()
    conclusion = changed(conclusion_of(listener, call()), extension=5, extensions=blocks(more=LIVE))
    assert isinstance(listener.receive(conclusion, CALLER, START_US), ConnectionRequest)


def test_gcm_of_before_1_5_4_is_refused() -> None:
    listener = new_listener()
    conclusion = conclusion_of(listener, call(PASSPHRASE, mode=CipherMode.GCM))
    old = handshake_in(conclusion).extensions.replace(b"\x00\x01\x05\x04", b"\x00\x01\x05\x03", 1)
    request = listener.receive(changed(conclusion, extensions=old), CALLER, START_US)
    assert isinstance(request, ConnectionRequest)
    refusal = listener.accept(request, listener_terms(PASSPHRASE), START_US)
    assert isinstance(refusal, Refusal)
    assert refusal.code == Rejection.CRYPTO


def test_requests_that_wait_are_bounded_and_the_rest_is_told_so() -> None:
    listener = new_listener()
    conclusion = conclusion_of(listener, call())
    waiting = [
        listener.receive(changed(conclusion, socket_id=number + 1), CALLER, START_US)
        for number in range(MAX_ASKED)
    ]
    assert all(isinstance(outcome, ConnectionRequest) for outcome in waiting)
    refusal = listener.receive(changed(conclusion, socket_id=MAX_ASKED + 1), CALLER, START_US)
    assert isinstance(refusal, Refusal)
    assert refusal.code == Rejection.BACKLOG
    assert listener.exchanges == MAX_ASKED


def test_answers_that_are_kept_are_bounded_and_a_waiting_request_outlives_them() -> None:
    listener = new_listener()
    patient = request_of(listener, call())
    conclusion = conclusion_of(listener, call())
    for number in range(MAX_ANSWERED + 5):
        request = listener.receive(changed(conclusion, socket_id=number + 1), CALLER, START_US)
        assert isinstance(request, ConnectionRequest)
        listener.refuse(request, Rejection.OVERLOAD, START_US)
    assert listener.exchanges == MAX_ANSWERED + 1
    assert isinstance(listener.accept(patient, listener_terms(), START_US), Negotiated)


@pytest.mark.parametrize("request_field", [0, 2, 1010, 0xFFFF_FFFE])
def test_other_handshakes_are_dropped(request_field: int) -> None:
    with pytest.raises(RemoteProtocolError):
        new_listener().receive(changed(INDUCTION, request=request_field), CALLER, START_US)


def test_what_is_no_handshake_is_dropped() -> None:
    handshake = decode_control(INDUCTION).body
    assert isinstance(handshake, Handshake)
    for datagram in (
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        INDUCTION[:63],
        INDUCTION[:40],
        encode_control(KeepAlive(), 0, 0),
        encode_control(handshake, 0, 7),
    ):
        with pytest.raises(RemoteProtocolError):
            new_listener().receive(datagram, CALLER, START_US)


def test_a_listener_may_tell_how_long_keys_should_be() -> None:
    listener = new_listener(key_bytes=32)
    request = request_of(listener, call(PASSPHRASE))
    negotiated = listener.accept(request, listener_terms(PASSPHRASE), START_US)
    assert isinstance(negotiated, Negotiated)
    assert negotiated.keys is not None
    assert negotiated.keys.key_bytes == 32
    assert handshake_in(negotiated.answer).encryption == 4


def test_secrets_do_not_show() -> None:
    listener = new_listener()
    terms = listener_terms(PASSPHRASE)
    negotiated = listener.accept(request_of(listener, call(PASSPHRASE)), terms, START_US)
    for shown in (repr(terms), repr(negotiated), str(negotiated)):
        assert PASSPHRASE not in shown
        assert "seed" not in shown


def test_a_caller_speaks_first_and_only_to_socket_id_zero() -> None:
    (induction,) = new_caller(call()).poll(START_US)
    assert decode_control(induction).dst_socket_id == 0
