"""Our listener and our caller say what libsrt's said, field by field, in the same situation."""

from functools import partial

import msgspec
import pytest

from engine.protocols.srt.caller import Call, Caller
from engine.protocols.srt.control import Handshake, decode_control
from engine.protocols.srt.handshake import (
    OUR_FLAGS,
    REQUEST_CONCLUSION,
    SRT_VERSION,
    Extensions,
    Flag,
    decode_answer,
    decode_request,
)
from engine.protocols.srt.key_material import CipherMode
from engine.protocols.srt.keys import ReceiveKeys
from engine.protocols.srt.limits import DEFAULT_MTU_BYTES
from engine.protocols.srt.listener import Answer, ConnectionRequest
from engine.protocols.srt.negotiated import Negotiated, Refusal, Terms
from engine.protocols.srt.packets import decode_data
from engine.protocols.srt.rejections import code_of
from tests.engine.srt.handshakes import (
    CALLER,
    CALLER_SEED,
    LISTENER,
    LISTENER_SEED,
    PASSPHRASE,
    START_US,
    call,
    changed,
    handshake_in,
    new_caller,
    new_listener,
)
from tests.engine.srt.transcripts import ACCEPTED, GCM, REFUSED, Transcript

each = pytest.mark.parametrize("said", [*ACCEPTED, *REFUSED], ids=lambda said: said.name)
each_accepted = pytest.mark.parametrize("said", ACCEPTED, ids=lambda said: said.name)
each_refused = pytest.mark.parametrize("said", REFUSED, ids=lambda said: said.name)
each_unencrypted = pytest.mark.parametrize(
    "said", [said for said in ACCEPTED if not said.passphrase], ids=lambda said: said.name
)


def terms_like_libsrt(said: Transcript) -> Terms:
    """The options that srt-live-transmit was started with, and the socket id that it chose."""
    answer = handshake_in(said.conclusion_answer)
    return Terms(
        socket_id=answer.socket_id,
        seed=LISTENER_SEED,
        passphrase=said.passphrase,
        receive_latency_ms=said.receive_latency_ms,
        send_latency_ms=said.send_latency_ms,
        mtu_bytes=1400 if said.name == "smaller_mtu" else DEFAULT_MTU_BYTES,
    )


def answers_to(said: Transcript) -> tuple[Handshake, Negotiated | Refusal]:
    """What our listener answers to the induction, and makes of the conclusion, of libsrt's caller."""
    listener = new_listener(said.key_bytes)
    induced = listener.receive(said.induction, CALLER, START_US)
    assert isinstance(induced, Answer)
    answer = handshake_in(induced.datagram)
    conclusion = changed(said.conclusion, cookie=answer.cookie)
    outcome = listener.receive(conclusion, CALLER, START_US)
    if isinstance(outcome, ConnectionRequest):
        return answer, listener.accept(outcome, terms_like_libsrt(said), START_US)
    assert isinstance(outcome, Refusal)
    return answer, outcome


def without_cookie(handshake: Handshake) -> Handshake:
    return msgspec.structs.replace(handshake, cookie=0)


def as_ours(extensions: Extensions) -> Extensions:
    """libsrt's hello as our version says it: without a packet filter."""
    flags = extensions.hello.flags & ~Flag.PACKET_FILTER
    hello = msgspec.structs.replace(extensions.hello, version=SRT_VERSION, flags=flags)
    return msgspec.structs.replace(extensions, hello=hello)


@each
def test_inductions_are_answered_as_by_libsrt(said: Transcript) -> None:
    answer, _ = answers_to(said)
    assert without_cookie(answer) == without_cookie(handshake_in(said.induction_answer))


@each_accepted
def test_conclusions_are_answered_as_by_libsrt(said: Transcript) -> None:
    _, negotiated = answers_to(said)
    theirs, ours = handshake_in(said.conclusion_answer), handshake_in(negotiated.answer)
    assert decode_answer(ours) == as_ours(decode_answer(theirs))
    assert [(word, ours.extensions[word : word + 4]) for word in (0, 12)] == [
        (word, theirs.extensions[word : word + 4]) for word in (0, 12)
    ]
    plain = partial(msgspec.structs.replace, cookie=0, extensions=b"")
    assert plain(ours) == plain(theirs)
    assert decode_control(negotiated.answer).dst_socket_id == handshake_in(said.conclusion).socket_id


@each_refused
def test_conclusions_are_refused_as_by_libsrt(said: Transcript) -> None:
    _, refusal = answers_to(said)
    assert isinstance(refusal, Refusal)
    theirs, ours = handshake_in(said.conclusion_answer), handshake_in(refusal.answer)
    assert code_of(theirs.request) == refusal.code
    # libsrt gives the id of a socket that it closes at once; we have made none.
    plain = partial(msgspec.structs.replace, cookie=0, socket_id=0)
    assert plain(ours) == plain(theirs)


@each_accepted
def test_what_libsrt_encrypted_opens(said: Transcript) -> None:
    _, negotiated = answers_to(said)
    assert isinstance(negotiated, Negotiated)
    assert bool(negotiated.keys) == bool(said.data)
    for datagram in said.data:
        assert negotiated.keys is not None
        payload = ReceiveKeys(negotiated.keys, said.passphrase).open(decode_data(datagram))
        assert len(payload) == 188
        assert payload[0] == 0x47
    assert negotiated.peer_version == 0x010507


def caller_like_libsrt(said: Transcript) -> Caller:
    induction, asked = handshake_in(said.induction), decode_request(handshake_in(said.conclusion))
    call = Call(
        terms=Terms(
            socket_id=induction.socket_id,
            seed=CALLER_SEED,
            receive_latency_ms=asked.hello.receive_latency_ms,
            send_latency_ms=asked.hello.send_latency_ms,
            mtu_bytes=induction.mtu_bytes,
            flow_window_packets=induction.flow_window_packets,
        ),
        initial_seq=induction.initial_seq,
        stream_id=asked.stream_id,
    )
    return Caller(call, LISTENER, START_US)


@each_unencrypted
def test_our_caller_speaks_as_libsrts(said: Transcript) -> None:
    caller = caller_like_libsrt(said)
    (induction,) = caller.poll(START_US)
    assert handshake_in(induction) == handshake_in(said.induction)
    assert caller.receive(said.induction_answer, START_US) is None
    (conclusion,) = caller.poll(START_US)
    ours, theirs = handshake_in(conclusion), handshake_in(said.conclusion)
    plain = partial(msgspec.structs.replace, extensions=b"")
    assert plain(ours) == plain(theirs)
    asked = as_ours(decode_request(theirs))
    all_flags = msgspec.structs.replace(asked.hello, flags=OUR_FLAGS)
    assert decode_request(ours) == msgspec.structs.replace(asked, hello=all_flags)
    assert ours.request == REQUEST_CONCLUSION


@each_unencrypted
def test_our_caller_understands_libsrts_listener(said: Transcript) -> None:
    caller = caller_like_libsrt(said)
    caller.receive(said.induction_answer, START_US)
    negotiated = caller.receive(said.conclusion_answer, START_US)
    assert isinstance(negotiated, Negotiated)
    answer = handshake_in(said.conclusion_answer)
    assert negotiated.peer_socket_id == answer.socket_id
    assert negotiated.mtu_bytes == answer.mtu_bytes
    assert negotiated.peer_version == 0x010501
    assert negotiated.send_latency_ms == decode_answer(answer).hello.receive_latency_ms


@each_refused
def test_our_caller_understands_libsrts_refusals(said: Transcript) -> None:
    caller = caller_like_libsrt(said)
    caller.receive(said.induction_answer, START_US)
    refusal = caller.receive(said.conclusion_answer, START_US)
    assert isinstance(refusal, Refusal)
    assert refusal.code == code_of(handshake_in(said.conclusion_answer).request)


def test_what_libsrt_encrypted_with_gcm_opens_also_the_second_time() -> None:
    caller = new_caller(call(PASSPHRASE, mode=CipherMode.GCM))
    assert caller.receive(GCM.induction_answer, START_US) is None
    negotiated = caller.receive(GCM.conclusion_answer, START_US)
    assert isinstance(negotiated, Negotiated)
    assert negotiated.keys is not None
    keys = ReceiveKeys(negotiated.keys, PASSPHRASE)
    once, again = decode_data(GCM.data), decode_data(GCM.data_again)
    assert (once.retransmitted, again.retransmitted) == (False, True)
    assert keys.open(once) == keys.open(again)
    assert keys.open(once)[0] == 0x47
