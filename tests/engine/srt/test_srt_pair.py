"""Caller and listener together: every combination of keys, and every kind of wire."""

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.srt.caller import Caller
from engine.protocols.srt.control import encode_control
from engine.protocols.srt.errors import LocalProtocolError, RemoteProtocolError
from engine.protocols.srt.handshake import BLOCK_HSRSP, BLOCK_KMRSP
from engine.protocols.srt.key_material import CipherMode, KmState, encode_km_state
from engine.protocols.srt.keys import ReceiveKeys, SendKeys
from engine.protocols.srt.limits import CALL_INTERVAL_US, CALL_TIMEOUT_US
from engine.protocols.srt.listener import Answer, ConnectionRequest, Listener
from engine.protocols.srt.negotiated import Negotiated, Refusal
from engine.protocols.srt.packets import DataPacket, encode_header, marks_of
from engine.protocols.srt.rejections import Rejection
from engine.protocols.srt.states import CallerState
from tests.engine.srt.handshakes import (
    CALLER,
    LISTENER_SEED,
    PASSPHRASE,
    START_US,
    call,
    changed,
    conclusion_of,
    connect,
    connected,
    handshake_in,
    listener_terms,
    new_caller,
    new_listener,
    refused,
)

both_modes = pytest.mark.parametrize("mode", list(CipherMode), ids=lambda mode: mode.name)


def test_both_ends_know_the_same_of_a_plain_connection() -> None:
    theirs, ours = connected(
        call(receive_latency_ms=200, send_latency_ms=80, mtu_bytes=1400), listener_terms(send_latency_ms=90)
    )
    assert theirs.socket_id == ours.peer_socket_id
    assert theirs.peer_socket_id == ours.socket_id
    assert theirs.initial_seq == ours.peer_initial_seq
    assert theirs.peer_initial_seq == ours.initial_seq
    assert theirs.mtu_bytes == ours.mtu_bytes == 1400
    assert theirs.receive_latency_ms == ours.send_latency_ms == 200
    assert theirs.send_latency_ms == ours.receive_latency_ms == 120
    assert theirs.stream_id == ours.stream_id == "live/cam"
    assert theirs.peer_version == ours.peer_version == 0x010504
    assert theirs.keys is None
    assert ours.keys is None
    assert theirs.answer == b""


@both_modes
@pytest.mark.parametrize("key_bytes", [16, 24, 32])
def test_what_one_end_seals_the_other_opens(mode: CipherMode, key_bytes: int) -> None:
    theirs, ours = connected(call(PASSPHRASE, key_bytes=key_bytes, mode=mode), listener_terms(PASSPHRASE))
    assert theirs.keys == ours.keys
    assert theirs.max_payload_bytes == (1440 if mode is CipherMode.GCM else 1456)
    for here, there in ((theirs, ours), (ours, theirs)):
        assert here.keys is not None
        assert there.keys is not None
        sender, receiver = SendKeys(here.keys, here.seed), ReceiveKeys(there.keys, there.passphrase)
        packet = DataPacket(here.initial_seq, marks_of(1, key=sender.key), 5, here.peer_socket_id, b"")
        payload = sender.seal(sender.key, packet.seq, encode_header(packet), b"media")
        assert receiver.open(msgspec.structs.replace(packet, payload=payload)) == b"media"


@both_modes
def test_different_passphrases_are_refused_as_a_bad_secret(mode: CipherMode) -> None:
    assert refused(call(PASSPHRASE, mode=mode), listener_terms("wrong horse")) == (10, 10)


def test_a_passphrase_on_one_side_alone_is_refused_as_unsecure() -> None:
    assert refused(call(PASSPHRASE), listener_terms()) == (11, 11)
    assert refused(call(), listener_terms(PASSPHRASE)) == (11, 11)


@pytest.mark.parametrize("code", [Rejection.NOT_FOUND, Rejection.CONFLICT, 2005])
def test_a_listeners_own_reason_arrives(code: int) -> None:
    listener, caller = new_listener(), new_caller(call())
    request = listener.receive(concluded(listener, caller), CALLER, START_US)
    assert isinstance(request, ConnectionRequest)
    refusal = listener.refuse(request, code, START_US)
    outcome = caller.receive(refusal.answer, START_US)
    assert isinstance(outcome, Refusal)
    assert outcome.code == code
    assert caller.state is CallerState.FAILED


def concluded(listener: Listener, caller: Caller) -> bytes:
    """The caller's conclusion; the caller waits for its answer then."""
    (induction,) = caller.poll(START_US)
    answer = listener.receive(induction, CALLER, START_US)
    assert isinstance(answer, Answer)
    caller.receive(answer.datagram, START_US)
    (conclusion,) = caller.poll(START_US)
    return conclusion


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (KmState.BAD_SECRET, Rejection.BAD_SECRET),
        (KmState.NO_SECRET, Rejection.UNSECURE),
        (KmState.UNSECURED, Rejection.UNSECURE),
        (KmState.BAD_CRYPTO_MODE, Rejection.CRYPTO),
    ],
)
def test_a_listener_that_accepts_without_the_key_is_left(state: KmState, code: Rejection) -> None:
    listener, caller = new_listener(), new_caller(call(PASSPHRASE))
    negotiated = accepted(listener, caller)
    hello, _, _ = handshake_in(negotiated.answer).extensions.partition(b"\0\4")
    blocks = hello + b"\0\4\0\1" + encode_km_state(state)
    outcome = caller.receive(changed(negotiated.answer, extensions=blocks), START_US)
    assert isinstance(outcome, Refusal)
    assert outcome.code == code
    assert (BLOCK_HSRSP, BLOCK_KMRSP) == (2, 4)


def accepted(listener: Listener, caller: Caller) -> Negotiated:
    request = listener.receive(concluded(listener, caller), CALLER, START_US)
    assert isinstance(request, ConnectionRequest)
    negotiated = listener.accept(request, listener_terms(PASSPHRASE), START_US)
    assert isinstance(negotiated, Negotiated)
    return negotiated


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"version": 4}, Rejection.ROGUE),
        ({"socket_id": 0}, Rejection.ROGUE),
        ({"initial_seq": 0xFFFF_FFFF}, Rejection.ROGUE),
        ({"mtu_bytes": 0}, Rejection.ROGUE),
        ({"extension": 1}, Rejection.UNSECURE),
        ({"extension": 0}, Rejection.ROGUE),
        ({"extensions": b""}, Rejection.ROGUE),
    ],
)
def test_a_caller_leaves_a_listener_that_makes_no_sense(changes: dict[str, object], code: Rejection) -> None:
    listener, caller = new_listener(), new_caller(call(PASSPHRASE))
    answer = changed(accepted(listener, caller).answer, **changes)
    outcome = caller.receive(answer, START_US)
    assert isinstance(outcome, Refusal)
    assert outcome.code == code
    assert caller.state is CallerState.FAILED
    assert caller.poll(START_US + CALL_INTERVAL_US) == []


def test_a_caller_leaves_a_listener_whose_hello_is_of_before_1_3() -> None:
    listener, caller = new_listener(), new_caller(call(PASSPHRASE))
    negotiated = accepted(listener, caller)
    blocks = handshake_in(negotiated.answer).extensions.replace(b"\0\1\5\4", b"\0\1\2\0", 1)
    outcome = caller.receive(changed(negotiated.answer, extensions=blocks), START_US)
    assert isinstance(outcome, Refusal)
    assert outcome.code == Rejection.ROGUE


def test_a_listener_that_answers_with_another_key_is_left() -> None:
    listener, caller = new_listener(), new_caller(call(PASSPHRASE))
    negotiated = accepted(listener, caller)
    blocks = handshake_in(negotiated.answer).extensions[:-1] + b"\0"
    outcome = caller.receive(changed(negotiated.answer, extensions=blocks), START_US)
    assert isinstance(outcome, Refusal)
    assert outcome.code == Rejection.ROGUE


def test_a_caller_leaves_a_listener_of_before_1_3() -> None:
    listener, caller = new_listener(), new_caller(call())
    (induction,) = caller.poll(START_US)
    answer = listener.receive(induction, CALLER, START_US)
    assert isinstance(answer, Answer)
    outcome = caller.receive(changed(answer.datagram, version=4, extension=2), START_US)
    assert isinstance(outcome, Refusal)
    assert outcome.code == Rejection.VERSION


def test_a_caller_without_an_answer_asks_four_times_a_second_and_gives_up_after_three() -> None:
    caller = new_caller(call())
    sent = []
    while (now_us := caller.next_deadline_us()) is not None:
        sent += [now_us - START_US for _ in caller.poll(now_us)]
    assert sent == list(range(0, CALL_TIMEOUT_US, CALL_INTERVAL_US))
    assert caller.outcome == Refusal(Rejection.TIMEOUT, "no answer in time")


def test_a_late_answer_to_the_induction_changes_nothing() -> None:
    listener, caller = new_listener(), new_caller(call())
    (induction,) = caller.poll(START_US)
    answer = listener.receive(induction, CALLER, START_US)
    assert isinstance(answer, Answer)
    caller.receive(answer.datagram, START_US)
    (conclusion,) = caller.poll(START_US)
    assert caller.receive(changed(answer.datagram, cookie=1), START_US) is None
    (again,) = caller.poll(START_US + CALL_INTERVAL_US)
    assert handshake_in(again) == handshake_in(conclusion)


def test_what_is_not_for_the_caller_is_dropped() -> None:
    listener, caller = new_listener(), new_caller(call())
    (induction,) = caller.poll(START_US)
    answer = listener.receive(induction, CALLER, START_US)
    assert isinstance(answer, Answer)
    handshake = handshake_in(answer.datagram)
    for datagram in (
        b"",
        encode_control(handshake, 0, 1),
        changed(answer.datagram, request=2),
        changed(answer.datagram, request=0xFFFF_FFFF),
    ):
        with pytest.raises(RemoteProtocolError):
            caller.receive(datagram, START_US)
    assert caller.state is CallerState.INDUCING


def test_an_impossible_call_is_our_own_fault() -> None:
    with pytest.raises(LocalProtocolError):
        new_caller(call("short"))
    with pytest.raises(LocalProtocolError):
        conclusion_of(new_listener(), call(PASSPHRASE, key_bytes=17))


def test_no_answer_is_longer_than_its_question() -> None:
    for passphrase in ("", PASSPHRASE):
        for wanted in (call(), call(PASSPHRASE), call(PASSPHRASE, key_bytes=32, stream_id="")):
            listener = new_listener()
            conclusion = conclusion_of(listener, wanted)
            _, ours = connect(wanted, listener_terms(passphrase))
            assert len(ours.answer) <= len(conclusion)


def test_a_connection_goes_on_in_another_process() -> None:
    for negotiated in connected(call(PASSPHRASE), listener_terms(PASSPHRASE)):
        thawed = msgspec.msgpack.decode(msgspec.msgpack.encode(negotiated), type=Negotiated)
        assert thawed == negotiated


class LossyHandshake:
    """A caller and a listener on a wire that loses and doubles datagrams and takes its time."""

    def __init__(self, fates: Iterator[tuple[int, int]], passphrase: str) -> None:
        self.caller = new_caller(call(PASSPHRASE))
        self.listener = new_listener()
        self.accepted: list[Negotiated | Refusal] = []
        self._passphrase = passphrase
        self._fates = fates
        self._flying: list[tuple[int, int, bool, bytes]] = []

    def run(self) -> None:
        """Until the caller knows, or has given up."""
        now_us = START_US
        while (deadline_us := self.caller.next_deadline_us()) is not None:
            now_us = min(deadline_us, *(flight[0] for flight in self._flying), now_us + 10**9)
            for datagram in self.caller.poll(now_us):
                self._send(datagram, True, now_us)
            arrived = [flight for flight in self._flying if flight[0] <= now_us]
            self._flying = [flight for flight in self._flying if flight[0] > now_us]
            for _, _, to_listener, datagram in sorted(arrived):
                self._arrive(datagram, to_listener, now_us)

    def _send(self, datagram: bytes, to_listener: bool, now_us: int) -> None:
        copies, delay_us = next(self._fates)
        for copy in range(copies):
            flight = (now_us + (1 + copy) * delay_us, len(self._flying), to_listener, datagram)
            self._flying.append(flight)

    def _arrive(self, datagram: bytes, to_listener: bool, now_us: int) -> None:
        if not to_listener:
            self.caller.receive(datagram, now_us)
        elif (answer := self._answer(datagram, now_us)) is not None:
            self._send(answer, False, now_us)

    def _answer(self, datagram: bytes, now_us: int) -> bytes | None:
        outcome = self.listener.receive(datagram, CALLER, now_us)
        if outcome is None or isinstance(outcome, Refusal):
            return outcome.answer if outcome else None
        if isinstance(outcome, Answer):
            return outcome.datagram
        self.accepted.append(self.listener.accept(outcome, listener_terms(self._passphrase), now_us))
        return self.accepted[-1].answer


fates = st.tuples(st.integers(0, 2), st.integers(1, 400_000))


@given(st.lists(fates, min_size=60, max_size=60), st.sampled_from([PASSPHRASE, "wrong horse"]))
def test_whatever_the_wire_does_a_connection_is_made_once_or_time_runs_out(
    all_fates: list[tuple[int, int]], passphrase: str
) -> None:
    pair = LossyHandshake(iter(all_fates), passphrase)
    pair.run()
    outcome = pair.caller.outcome
    assert len(pair.accepted) <= 1
    if isinstance(outcome, Negotiated):
        (ours,) = pair.accepted
        assert isinstance(ours, Negotiated)
        assert outcome.keys == ours.keys
        assert outcome.peer_socket_id == ours.socket_id
    elif isinstance(outcome, Refusal) and outcome.code != Rejection.TIMEOUT:
        assert passphrase != PASSPHRASE
        assert outcome.code == Rejection.BAD_SECRET


def test_seeds_decide_about_keys_alone() -> None:
    _, ours = connected(call(PASSPHRASE), listener_terms(PASSPHRASE))
    assert ours.seed == LISTENER_SEED
