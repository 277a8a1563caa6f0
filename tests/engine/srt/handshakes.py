"""Both ends of a handshake, with the datagrams in a test's hands."""

from collections.abc import Callable

import msgspec

from engine.protocols.srt.caller import Call, Caller
from engine.protocols.srt.control import Handshake, decode_control, encode_control
from engine.protocols.srt.cookie import Peer
from engine.protocols.srt.errors import RemoteProtocolError
from engine.protocols.srt.handshake import REQUEST_CONCLUSION
from engine.protocols.srt.key_material import CipherMode
from engine.protocols.srt.listener import Answer, ConnectionRequest, Listener
from engine.protocols.srt.negotiated import Negotiated, Refusal, Terms

CALLER = Peer("127.0.0.1", 40000)
LISTENER = Peer("127.0.0.1", 10080)
SECRET = b"cookie secret of thirty-two byte"
CALLER_SEED = b"caller's seed of thirty-two byte"
LISTENER_SEED = b"listener's seed, thirty-two byte"
PASSPHRASE = "correct horse"
START_US = 5_000_000_000


def caller_terms(passphrase: str = "", socket_id: int = 0x0CA11E12, **changes: int) -> Terms:
    return Terms(socket_id=socket_id, seed=CALLER_SEED, passphrase=passphrase, **changes)


def listener_terms(passphrase: str = "", socket_id: int = 0x11572E12, **changes: int) -> Terms:
    return Terms(socket_id=socket_id, seed=LISTENER_SEED, passphrase=passphrase, **changes)


def call(
    passphrase: str = "",
    *,
    stream_id: str = "live/cam",
    initial_seq: int = 77,
    key_bytes: int = 0,
    mode: CipherMode = CipherMode.CTR,
    **changes: int,
) -> Call:
    terms = caller_terms(passphrase, **changes)
    return Call(terms=terms, initial_seq=initial_seq, stream_id=stream_id, key_bytes=key_bytes, mode=mode)


def new_listener(key_bytes: int = 0) -> Listener:
    return Listener(SECRET, START_US, key_bytes=key_bytes)


def new_caller(wanted: Call, now_us: int = START_US) -> Caller:
    return Caller(wanted, LISTENER, now_us)


def code_of_refusal(action: Callable[[], object]) -> int | None:
    """The rejection that doing this raises; None for one without a code, and where nothing is raised."""
    try:
        action()
    except RemoteProtocolError as error:
        return error.reply
    return None


def handshake_in(datagram: bytes) -> Handshake:
    body = decode_control(datagram).body
    assert isinstance(body, Handshake)
    return body


def changed(datagram: bytes, **changes: object) -> bytes:
    """The handshake datagram with other fields."""
    packet = decode_control(datagram)
    assert isinstance(packet.body, Handshake)
    body = msgspec.structs.replace(packet.body, **changes)
    return encode_control(body, packet.timestamp_us, packet.dst_socket_id)


def conclusion_of(listener: Listener, wanted: Call, now_us: int = START_US) -> bytes:
    """What the caller says once it has its cookie."""
    caller = new_caller(wanted, now_us)
    (induction,) = caller.poll(now_us)
    answer = listener.receive(induction, CALLER, now_us)
    assert isinstance(answer, Answer)
    assert caller.receive(answer.datagram, now_us) is None
    (conclusion,) = caller.poll(now_us)
    assert handshake_in(conclusion).request == REQUEST_CONCLUSION
    return conclusion


def request_of(listener: Listener, wanted: Call, now_us: int = START_US) -> ConnectionRequest:
    """What the listener makes of the caller's conclusion."""
    outcome = listener.receive(conclusion_of(listener, wanted, now_us), CALLER, now_us)
    assert isinstance(outcome, ConnectionRequest)
    return outcome


def connect(
    wanted: Call, terms: Terms, listener: Listener | None = None, now_us: int = START_US
) -> tuple[Negotiated | Refusal, Negotiated | Refusal]:
    """What came out of it at the caller and at the listener, on a wire without losses or delay."""
    listener = listener or new_listener()
    caller = new_caller(wanted, now_us)
    (induction,) = caller.poll(now_us)
    answer = listener.receive(induction, CALLER, now_us)
    assert isinstance(answer, Answer)
    caller.receive(answer.datagram, now_us)
    (conclusion,) = caller.poll(now_us)
    request = listener.receive(conclusion, CALLER, now_us)
    if isinstance(request, Refusal):
        ours: Negotiated | Refusal = request
    else:
        assert isinstance(request, ConnectionRequest)
        ours = listener.accept(request, terms, now_us)
    theirs = caller.receive(ours.answer, now_us)
    assert theirs is not None
    return theirs, ours


def connected(wanted: Call, terms: Terms) -> tuple[Negotiated, Negotiated]:
    theirs, ours = connect(wanted, terms)
    assert isinstance(theirs, Negotiated)
    assert isinstance(ours, Negotiated)
    return theirs, ours


def refused(wanted: Call, terms: Terms) -> tuple[int, int]:
    """The code at the caller and at the listener."""
    theirs, ours = connect(wanted, terms)
    assert isinstance(theirs, Refusal)
    assert isinstance(ours, Refusal)
    return theirs.code, ours.code
