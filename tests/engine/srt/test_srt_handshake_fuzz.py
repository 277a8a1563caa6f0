"""Any datagrams at all: a handshake goes on, or the datagram is dropped, and nothing else happens."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.srt.caller import Call
from engine.protocols.srt.errors import RemoteProtocolError
from engine.protocols.srt.listener import Answer, ConnectionRequest, Listener
from tests.engine.srt.handshakes import (
    CALLER,
    PASSPHRASE,
    START_US,
    call,
    conclusion_of,
    handshake_in,
    listener_terms,
    new_caller,
    new_listener,
)
from tests.engine.srt.transcripts import ACCEPTED, REFUSED

TO_LISTENER = [datagram for said in (*ACCEPTED, *REFUSED) for datagram in (said.induction, said.conclusion)]
TO_CALLER = [
    datagram for said in (*ACCEPTED, *REFUSED) for datagram in (said.induction_answer, said.conclusion_answer)
]


@st.composite
def damaged(draw: st.DrawFn, datagrams: list[bytes]) -> bytes:
    """What libsrt says, with some bytes changed, lost or added."""
    spoken = bytearray(draw(st.sampled_from(datagrams)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(spoken)))
        spoken[at : at + draw(st.integers(0, 4))] = draw(st.binary(max_size=4))
    return bytes(spoken)


def serve(listener: Listener, datagram: bytes) -> None:
    """What a worker does with a datagram. No answer is longer than what it answers."""
    with contextlib.suppress(RemoteProtocolError):
        outcome = listener.receive(datagram, CALLER, START_US)
        if isinstance(outcome, ConnectionRequest):
            decision = listener.accept(outcome, listener_terms(PASSPHRASE), START_US)
            assert len(decision.answer) <= len(datagram)
        elif isinstance(outcome, Answer):
            assert len(outcome.datagram) <= len(datagram)
        elif outcome is not None:
            assert len(outcome.answer) <= len(datagram)


@given(damaged(TO_LISTENER) | st.binary(max_size=100))
def test_a_listener_survives_any_datagram(datagram: bytes) -> None:
    listener = new_listener()
    serve(listener, datagram)
    assert listener.exchanges == 0  # a cookie cannot be guessed


@given(st.sampled_from([call(), call(PASSPHRASE), call(PASSPHRASE, key_bytes=24)]), st.data())
def test_a_listener_survives_any_conclusion_of_a_caller_with_a_cookie(
    wanted: Call, data: st.DataObject
) -> None:
    listener = new_listener()
    conclusion = conclusion_of(listener, wanted)
    spoken = bytearray(data.draw(damaged([conclusion])))
    if len(spoken) >= 48:
        spoken[44:48] = handshake_in(conclusion).cookie.to_bytes(4, "big")
    serve(listener, bytes(spoken))
    assert listener.exchanges <= 1


@given(st.booleans(), st.lists(damaged(TO_CALLER) | st.binary(max_size=100), max_size=5))
def test_a_caller_survives_any_listener(encrypted: bool, datagrams: list[bytes]) -> None:
    caller = new_caller(call(PASSPHRASE if encrypted else ""))
    caller.poll(START_US)
    induced = new_listener().receive(an_induction(), CALLER, START_US)
    assert isinstance(induced, Answer)
    for datagram in (induced.datagram, *datagrams):
        addressed = datagram[:12] + (0x0CA11E12).to_bytes(4, "big") + datagram[16:]
        with contextlib.suppress(RemoteProtocolError):
            caller.receive(addressed, START_US)
    assert caller.poll(START_US + 10_000_000) == []
    assert caller.outcome is not None


def an_induction() -> bytes:
    """An induction of the caller that all of this is about."""
    (induction,) = new_caller(call()).poll(START_US)
    return induction
