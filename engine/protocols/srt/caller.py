"""The caller's end of the handshake: for tests, benches and relays.

    caller = Caller(CallerTerms(...), peer, now_us)
    caller.poll(now_us)                       # datagrams to send; ask again at caller.next_deadline_us()
    outcome = caller.receive(datagram, peer, now_us)
      Negotiated         connected
      Refusal            the listener said no, or something that we cannot accept
      None               go on; poll
    caller.outcome                            # the same, also when time has run out

The encryption is enforced, as the listener's is: a KMRSP that says anything but yes is a refusal.
"""

import msgspec

from engine.protocols.srt.control import Handshake, decode_control, encode_control
from engine.protocols.srt.cookie import Peer
from engine.protocols.srt.errors import RemoteProtocolError
from engine.protocols.srt.handshake import (
    INDUCTION_EXTENSION,
    MAGIC,
    MIN_PEER_VERSION,
    REQUEST_CONCLUSION,
    REQUEST_INDUCTION,
    VERSION_5,
    VERSION_INDUCTION,
    Extensions,
    decode_answer,
    encode_ip,
    encode_request,
)
from engine.protocols.srt.key_material import KEY_SIZES, CipherMode, KmState, decode_km_state
from engine.protocols.srt.keys import KeySet, generate_keys, key_message
from engine.protocols.srt.limits import (
    CALL_INTERVAL_US,
    CALL_TIMEOUT_US,
    MIN_FLOW_WINDOW_PACKETS,
    MIN_MTU_BYTES,
)
from engine.protocols.srt.negotiated import Negotiated, Refusal, Terms, check_terms, request_hello
from engine.protocols.srt.numbers import SEQ_MASK, TS_MASK
from engine.protocols.srt.rejections import Rejection, code_of, sentence
from engine.protocols.srt.states import CallerInput, CallerState, caller_step

DEFAULT_KEY_BYTES = 16

_KM_REJECTIONS = {
    KmState.BAD_SECRET: Rejection.BAD_SECRET,
    KmState.BAD_CRYPTO_MODE: Rejection.CRYPTO,
}


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks for, beside its terms."""

    terms: Terms
    initial_seq: int
    """Random, below 2^31 - 1."""
    stream_id: str = ""
    key_bytes: int = 0
    """16, 24 or 32; 0: what the listener prefers, or 16."""
    mode: CipherMode = CipherMode.CTR


class Caller:
    """One attempt to connect."""

    def __init__(self, call: Call, peer: Peer, now_us: int) -> None:
        check_terms(call.terms)
        self.state = CallerState.INDUCING
        self.outcome: Negotiated | Refusal | None = None
        self._call = call
        self._peer = peer
        self._start_us = now_us
        self._next_us = now_us
        self._keys: KeySet | None = None
        self._handshake = Handshake(
            version=VERSION_INDUCTION,
            encryption=0,
            extension=INDUCTION_EXTENSION,
            initial_seq=call.initial_seq,
            mtu_bytes=call.terms.mtu_bytes,
            flow_window_packets=call.terms.flow_window_packets,
            request=REQUEST_INDUCTION,
            socket_id=call.terms.socket_id,
            cookie=0,
            peer_ip=encode_ip(peer.host),
        )

    def next_deadline_us(self) -> int | None:
        """When to poll next, None when all is said."""
        if self.outcome is not None:
            return None
        return min(self._next_us, self._start_us + CALL_TIMEOUT_US)

    def poll(self, now_us: int) -> list[bytes]:
        """What to send now: the handshake's current packet, every quarter of a second."""
        if self.outcome is not None:
            return []
        if now_us - self._start_us >= CALL_TIMEOUT_US:
            self._give_up(Rejection.TIMEOUT, sentence(Rejection.TIMEOUT))
            return []
        if now_us < self._next_us:
            return []
        self._next_us = now_us + CALL_INTERVAL_US
        return [encode_control(self._handshake, (now_us - self._start_us) & TS_MASK, 0)]

    def receive(self, datagram: bytes | memoryview, now_us: int) -> Negotiated | Refusal | None:
        """Take a datagram from the listener. Gives the outcome when this datagram brought it.

        Raises RemoteProtocolError for one to be dropped.
        """
        packet = decode_control(datagram)
        answer = packet.body
        if not isinstance(answer, Handshake) or packet.dst_socket_id != self._call.terms.socket_id:
            raise RemoteProtocolError("not a handshake for this caller")
        input_ = _input_of(answer)
        following = caller_step(self.state, input_)
        if following is self.state:
            return None
        try:
            self._act(input_, answer, packet.timestamp_us, now_us)
        except RemoteProtocolError as error:
            self._give_up(Rejection.ROGUE if error.reply is None else error.reply, str(error))
        else:
            self.state = following
        return self.outcome

    def _act(self, input_: CallerInput, answer: Handshake, timestamp_us: int, now_us: int) -> None:
        if input_ is CallerInput.INDUCTION_ANSWER:
            self._conclude(answer, now_us)
        elif input_ is CallerInput.CONCLUSION_ANSWER:
            self.outcome = self._connect(answer, timestamp_us, now_us)
        else:
            code = code_of(answer.request) or Rejection.UNKNOWN
            self.outcome = Refusal(code, sentence(code))

    def _conclude(self, answer: Handshake, now_us: int) -> None:
        if answer.version != VERSION_5 or answer.extension != MAGIC:
            raise RemoteProtocolError("a listener of SRT before 1.3", Rejection.VERSION)
        self._keys = self._make_keys(answer.encryption * 8)
        bits, blocks = encode_request(
            Extensions(
                request_hello(self._call.terms),
                key_message(self._keys) if self._keys else None,
                self._call.stream_id,
            )
        )
        self._handshake = msgspec.structs.replace(
            self._handshake,
            version=VERSION_5,
            encryption=self._keys.key_bytes // 8 if self._keys else 0,
            extension=bits,
            request=REQUEST_CONCLUSION,
            cookie=answer.cookie,
            extensions=blocks,
        )
        self._next_us = now_us

    def _make_keys(self, advertised_bytes: int) -> KeySet | None:
        terms = self._call.terms
        if not terms.passphrase:
            return None
        advertised = advertised_bytes if advertised_bytes in KEY_SIZES else DEFAULT_KEY_BYTES
        return generate_keys(
            terms.passphrase, self._call.key_bytes or advertised, self._call.mode, terms.seed
        )

    def _connect(self, answer: Handshake, timestamp_us: int, now_us: int) -> Negotiated:
        _check_answer(answer)
        extensions = decode_answer(answer)
        hello = extensions.hello
        if hello.version < MIN_PEER_VERSION:
            raise RemoteProtocolError("a listener of an older SRT", Rejection.ROGUE)
        self._check_key_answer(extensions.key_material)
        terms = self._call.terms
        return Negotiated(
            peer=self._peer,
            socket_id=terms.socket_id,
            peer_socket_id=answer.socket_id,
            initial_seq=self._call.initial_seq,
            peer_initial_seq=answer.initial_seq,
            mtu_bytes=min(terms.mtu_bytes, answer.mtu_bytes),
            flow_window_packets=answer.flow_window_packets,
            receive_latency_ms=max(terms.receive_latency_ms, hello.send_latency_ms),
            send_latency_ms=hello.receive_latency_ms,
            peer_version=hello.version,
            peer_flags=hello.flags,
            stream_id=self._call.stream_id,
            start_us=self._start_us,
            peer_start_us=now_us - timestamp_us,
            keys=self._keys,
            passphrase=terms.passphrase,
            seed=terms.seed,
            answer=b"",
        )

    def _check_key_answer(self, content: bytes | None) -> None:
        """Raise RemoteProtocolError unless the listener repeats our key message."""
        if self._keys is None and content is None:
            return
        if self._keys is None or content is None:
            raise RemoteProtocolError("only one side has a passphrase", Rejection.UNSECURE)
        if content == key_message(self._keys):
            return
        state = decode_km_state(content)
        if state is None:
            raise RemoteProtocolError("another key message than ours", Rejection.ROGUE)
        code = _KM_REJECTIONS.get(state, Rejection.UNSECURE)
        raise RemoteProtocolError(sentence(code), code)

    def _give_up(self, code: int, reason: str) -> None:
        self.state = caller_step(self.state, CallerInput.GIVE_UP)
        self.outcome = Refusal(code, reason)


def _input_of(answer: Handshake) -> CallerInput:
    if answer.request == REQUEST_INDUCTION:
        return CallerInput.INDUCTION_ANSWER
    if answer.request == REQUEST_CONCLUSION:
        return CallerInput.CONCLUSION_ANSWER
    if code_of(answer.request) is None:
        raise RemoteProtocolError(f"a handshake request {answer.request:#x}")
    return CallerInput.REJECTION


def _check_answer(answer: Handshake) -> None:
    possible = (
        answer.version == VERSION_5
        and answer.initial_seq < SEQ_MASK
        and answer.socket_id != 0
        and answer.mtu_bytes >= MIN_MTU_BYTES
        and answer.flow_window_packets >= MIN_FLOW_WINDOW_PACKETS
    )
    if not possible:
        raise RemoteProtocolError("an impossible answer to a conclusion", Rejection.ROGUE)
