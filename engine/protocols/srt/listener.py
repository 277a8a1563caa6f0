"""The listener's end of the handshake: one object per UDP port, however many callers.

    outcome = listener.receive(datagram, peer, now_us)       # datagrams for socket id 0 only
      Answer             send it; nothing to remember
      Refusal            send its answer, count it
      ConnectionRequest  decide, soon, by exactly one of
                           listener.accept(request, terms, now_us) -> Negotiated or Refusal; send its answer
                           listener.refuse(request, code, now_us) -> Refusal; send its answer
                           listener.forget(request)
      None               nothing to do

An induction costs a hash and leaves nothing behind; no answer is longer than its question. A conclusion
counts only with a valid cookie, that is, from an address that has heard us. From then on an exchange is held
under its address, socket id and initial sequence number: first the request, without an answer, until it is
decided; then the answer, for ten seconds, since a caller repeats its conclusion until it hears one. Both
are bounded.

The passphrase is known only with the stream id, which the conclusion brings: so encryption is settled in
`accept`. It is always enforced, as libsrt does by default: both sides have the same passphrase or neither
has one.

Datagrams that are wrong in any way raise RemoteProtocolError and are dropped. What is wrong in a conclusion
whose cookie is right is answered with the rejection that libsrt gives.
"""

from typing import TypeAlias

import msgspec

from engine.protocols.srt.conclusion import agree_keys, check_conclusion
from engine.protocols.srt.control import Handshake, decode_control, encode_control
from engine.protocols.srt.cookie import Peer, bake, is_ours
from engine.protocols.srt.errors import RemoteProtocolError
from engine.protocols.srt.handshake import (
    MAGIC,
    REQUEST_CONCLUSION,
    REQUEST_INDUCTION,
    VERSION_5,
    Extensions,
    Hello,
    encode_answer,
    encode_ip,
)
from engine.protocols.srt.inductions import InductionBudget
from engine.protocols.srt.keys import KeySet
from engine.protocols.srt.limits import (
    ANSWER_LIFE_US,
    MAX_ANSWERED,
    MAX_ASKED,
)
from engine.protocols.srt.negotiated import Negotiated, Refusal, Terms, answer_hello, check_terms
from engine.protocols.srt.numbers import TS_MASK
from engine.protocols.srt.rejections import Rejection, request_of, sentence
from engine.protocols.srt.states import ExchangeInput, ExchangeState, exchange_step

_Key: TypeAlias = tuple[Peer, int, int]


class Answer(msgspec.Struct, frozen=True):
    """A datagram to send back."""

    datagram: bytes


class ConnectionRequest(msgspec.Struct, frozen=True):
    """A caller that has proved its address, and what it asks for."""

    peer: Peer
    handshake: Handshake
    extensions: Extensions
    timestamp_us: int
    """The conclusion's, by the caller's clock."""
    arrived_us: int

    @property
    def stream_id(self) -> str:
        """As sent, up to 512 bytes; `streamid` reads it."""
        return self.extensions.stream_id

    @property
    def encrypted(self) -> bool:
        """Whether the caller has a passphrase."""
        return self.extensions.key_material is not None

    @property
    def key(self) -> _Key:
        """What tells this attempt from others, also from earlier ones of the same address."""
        return (self.peer, self.handshake.socket_id, self.handshake.initial_seq)


Outcome: TypeAlias = Answer | Refusal | ConnectionRequest


class _Answered(msgspec.Struct, frozen=True):
    state: ExchangeState
    datagram: bytes
    since_us: int


class Listener:
    """Answers handshakes; the connections themselves are elsewhere."""

    def __init__(self, secret: bytes, start_us: int, *, key_bytes: int = 0) -> None:
        """`secret`: 32 random bytes, for cookies. `key_bytes` (16, 24, 32) is what a caller without a
        preference of its own is told to use; 0 says nothing, and it takes 16."""
        self._secret = secret
        self._start_us = start_us
        self._encryption = key_bytes // 8
        self._inductions = InductionBudget(secret)
        self._asked: dict[_Key, ConnectionRequest] = {}
        self._answered: dict[_Key, _Answered] = {}

    @property
    def exchanges(self) -> int:
        """How many attempts are held, decided or not."""
        return len(self._asked) + len(self._answered)

    def receive(self, datagram: bytes | memoryview, peer: Peer, now_us: int) -> Outcome | None:
        """Take a datagram for socket id 0. Raises RemoteProtocolError for one to be dropped."""
        packet = decode_control(datagram)
        if not isinstance(packet.body, Handshake) or packet.dst_socket_id != 0:
            raise RemoteProtocolError("not a handshake for a listener")
        if packet.body.request == REQUEST_INDUCTION:
            return self._induce(packet.body, peer, now_us)
        if packet.body.request == REQUEST_CONCLUSION:
            return self._conclude(packet.body, peer, packet.timestamp_us, now_us)
        raise RemoteProtocolError(f"a handshake request {packet.body.request:#x}")

    def accept(self, request: ConnectionRequest, terms: Terms, now_us: int) -> Negotiated | Refusal:
        """Accept on our terms. The encryption may still fail: then it is a refusal after all.

        Raises LocalProtocolError for a request that is not waiting, and for impossible terms.
        """
        check_terms(terms)
        exchange_step(self._state(request.key), ExchangeInput.ACCEPT)
        try:
            keys = agree_keys(request.extensions, terms.passphrase)
        except RemoteProtocolError as error:
            code = Rejection.ROGUE if error.reply is None else error.reply
            return self.refuse(request, code, now_us, str(error))
        negotiated = self._negotiate(request, terms, keys, now_us)
        self._remember(request, ExchangeInput.ACCEPT, negotiated.answer, now_us)
        return negotiated

    def refuse(self, request: ConnectionRequest, code: int, now_us: int, reason: str = "") -> Refusal:
        """Refuse with a `Rejection` or a code of our own. Raises LocalProtocolError for a request that is
        not waiting."""
        exchange_step(self._state(request.key), ExchangeInput.REFUSE)
        refusal = self._refusal(request.handshake, code, reason, now_us)
        self._remember(request, ExchangeInput.REFUSE, refusal.answer, now_us)
        return refusal

    def forget(self, request: ConnectionRequest) -> None:
        """Hold nothing about this attempt any more: the connection has ended, or nobody decides."""
        if self._state(request.key) is not ExchangeState.UNKNOWN:
            exchange_step(self._state(request.key), ExchangeInput.FORGET)
        self._asked.pop(request.key, None)
        self._answered.pop(request.key, None)

    def _induce(self, handshake: Handshake, peer: Peer, now_us: int) -> Answer | None:
        if not self._inductions.spend(peer.host, now_us):
            return None
        answer = msgspec.structs.replace(
            handshake,
            version=VERSION_5,
            encryption=self._encryption,
            extension=MAGIC,
            cookie=bake(self._secret, peer, now_us),
            extensions=b"",
        )
        return Answer(self._encode(answer, self._start_us, handshake.socket_id, now_us))

    def _conclude(self, handshake: Handshake, peer: Peer, timestamp_us: int, now_us: int) -> Outcome | None:
        if not is_ours(handshake.cookie, self._secret, peer, now_us):
            raise RemoteProtocolError("a cookie that is not ours, or no longer")
        self._drop_old_answers(now_us)
        key = (peer, handshake.socket_id, handshake.initial_seq)
        before = self._state(key)
        exchange_step(before, ExchangeInput.CONCLUSION)
        if before is ExchangeState.ASKED:
            return None
        if before is not ExchangeState.UNKNOWN:
            return Answer(self._answered[key].datagram)
        try:
            extensions = self._check(handshake)
        except RemoteProtocolError as error:
            code = Rejection.ROGUE if error.reply is None else error.reply
            return self._refusal(handshake, code, str(error), now_us)
        request = ConnectionRequest(peer, handshake, extensions, timestamp_us, now_us)
        self._asked[key] = request
        return request

    def _check(self, handshake: Handshake) -> Extensions:
        extensions = check_conclusion(handshake)
        if len(self._asked) >= MAX_ASKED:
            raise RemoteProtocolError("too many handshakes wait for a decision", Rejection.BACKLOG)
        return extensions

    def _state(self, key: _Key) -> ExchangeState:
        if key in self._asked:
            return ExchangeState.ASKED
        answered = self._answered.get(key)
        return answered.state if answered else ExchangeState.UNKNOWN

    def _remember(
        self, request: ConnectionRequest, decision: ExchangeInput, answer: bytes, now_us: int
    ) -> None:
        state = exchange_step(ExchangeState.ASKED, decision)
        del self._asked[request.key]
        if len(self._answered) >= MAX_ANSWERED:
            del self._answered[next(iter(self._answered))]
        self._answered[request.key] = _Answered(state, answer, now_us)

    def _drop_old_answers(self, now_us: int) -> None:
        while self._answered:
            key, oldest = next(iter(self._answered.items()))
            if now_us - oldest.since_us <= ANSWER_LIFE_US:
                break
            del self._answered[key]

    def _negotiate(
        self, request: ConnectionRequest, terms: Terms, keys: KeySet | None, now_us: int
    ) -> Negotiated:
        theirs, handshake = request.extensions.hello, request.handshake
        hello = answer_hello(terms, theirs)
        mtu_bytes = min(terms.mtu_bytes, handshake.mtu_bytes)
        return Negotiated(
            peer=request.peer,
            socket_id=terms.socket_id,
            peer_socket_id=handshake.socket_id,
            initial_seq=handshake.initial_seq,
            peer_initial_seq=handshake.initial_seq,
            mtu_bytes=mtu_bytes,
            flow_window_packets=handshake.flow_window_packets,
            receive_latency_ms=hello.receive_latency_ms,
            send_latency_ms=hello.send_latency_ms,
            peer_version=theirs.version,
            peer_flags=theirs.flags,
            stream_id=request.stream_id,
            start_us=now_us,
            peer_start_us=request.arrived_us - request.timestamp_us,
            keys=keys,
            passphrase=terms.passphrase,
            seed=terms.seed,
            answer=self._acceptance(request, terms, hello, mtu_bytes, now_us),
        )

    def _acceptance(
        self, request: ConnectionRequest, terms: Terms, hello: Hello, mtu_bytes: int, now_us: int
    ) -> bytes:
        """The answer to a conclusion. A new connection's timestamps begin with it."""
        bits, blocks = encode_answer(Extensions(hello, request.extensions.key_material))
        answer = msgspec.structs.replace(
            request.handshake,
            encryption=self._encryption,
            extension=bits,
            mtu_bytes=mtu_bytes,
            flow_window_packets=terms.flow_window_packets,
            socket_id=terms.socket_id,
            peer_ip=encode_ip(request.peer.host),
            extensions=blocks,
        )
        return self._encode(answer, now_us, request.handshake.socket_id, now_us)

    def _refusal(self, handshake: Handshake, code: int, reason: str, now_us: int) -> Refusal:
        answer = msgspec.structs.replace(handshake, request=request_of(code), extensions=b"")
        datagram = self._encode(answer, self._start_us, handshake.socket_id, now_us)
        return Refusal(code, reason or sentence(code), datagram)

    @staticmethod
    def _encode(handshake: Handshake, start_us: int, dst_socket_id: int, now_us: int) -> bytes:
        return encode_control(handshake, (now_us - start_us) & TS_MASK, dst_socket_id)
