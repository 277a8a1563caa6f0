"""What an SRT packet costs without the socket: received, acknowledged and played, or sent to one more player.

A stream of 5 Mbit/s is 475 packets a second. How many of them one call brings is up to the event loop: one
where it is idle, some dozens where it is busy. Each run is a fresh connection, its set-up is in the figure.
"""

from collections.abc import Callable, Sequence

from bench.micro.clock import Step
from engine.protocols.srt.connection import SrtConnection
from engine.protocols.srt.control import Ack, encode_control
from engine.protocols.srt.cookie import Peer
from engine.protocols.srt.handshake import OUR_FLAGS, SRT_VERSION
from engine.protocols.srt.key_material import CipherMode
from engine.protocols.srt.keys import KeySet, generate_keys
from engine.protocols.srt.negotiated import Negotiated
from engine.protocols.srt.packets import HEADER, Buffer, marks_of
from engine.protocols.srt.sender import Datagram

PACKETS = 4_096
INTERVAL_US = 2_105
PAYLOAD = bytes(7 * 188)
SEED = b"seed of the bench, thirty-two by"
OURS, THEIRS = 1, 2
LOSS = 20
"""One of so many packets is missing, in the run with losses."""


def srt_steps() -> list[Step]:
    """Built when asked for: some megabytes of datagrams come with it."""
    ctr = generate_keys("correct horse", 16, CipherMode.CTR, SEED)
    gcm = generate_keys("correct horse", 16, CipherMode.GCM, SEED)
    return [
        _step("SRT receive, one by one", _receive(1, None)),
        _step("SRT receive, 5 at a time", _receive(5, None)),
        _step("SRT receive, 32 at a time", _receive(32, None)),
        _step("SRT receive, 5 at a time, 5 % lost", _receive(5, None, LOSS)),
        _step("SRT receive, 5 at a time, AES-CTR", _receive(5, ctr)),
        _step("SRT receive, 5 at a time, AES-GCM", _receive(5, gcm)),
        _step("SRT send, one by one", _send(1, None)),
        _step("SRT send, 5 at a time", _send(5, None)),
        _step("SRT send, 44 at a time", _send(44, None)),
        _step("SRT send, 5 at a time, AES-CTR", _send(5, ctr)),
        _step("SRT send, 5 at a time, AES-GCM", _send(5, gcm)),
    ]


def _step(name: str, work: Callable[[], None]) -> Step:
    return Step(name, work, PACKETS, "packet")


def _receive(batch: int, keys: KeySet | None, loss: int = 0) -> Callable[[], None]:
    datagrams = [header + payload for header, payload in _stream(keys)]
    batches = [datagrams[begin : begin + batch] for begin in range(0, PACKETS, batch)]
    if loss:
        batches = [_with_losses(each, loss) for each in batches]

    def receive() -> None:
        connection = _connection(OURS, keys)
        now_us = 0
        for each in batches:
            now_us += batch * INTERVAL_US
            connection.receive_many(each, now_us)
            connection.deliver(now_us)
            connection.poll(now_us)
            connection.next_deadline_us()

    return receive


def _with_losses(datagrams: list[bytes], loss: int) -> list[bytes]:
    """Leave some out, and bring them at the end instead, marked as sent again."""
    kept, late = [], []
    for datagram in datagrams:
        if HEADER.unpack_from(datagram)[0] % loss:
            kept.append(datagram)
        else:
            late.append(datagram[:4] + bytes((datagram[4] | 4,)) + datagram[5:])
    return kept + late


def _send(batch: int, keys: KeySet | None) -> Callable[[], None]:
    """An ACK comes about every 10 ms, as from a real player."""
    per_ack = max(batch, 5)
    acks = {
        sent: encode_control(Ack(sent, sent, 20_000, 1_000, 8_192), 0, THEIRS)
        for sent in range(0, PACKETS, batch)
        if sent % per_ack < batch
    }

    def send() -> None:
        connection = _connection(THEIRS, keys)
        now_us = 0
        for sent in range(0, PACKETS, batch):
            now_us += batch * INTERVAL_US
            if sent in acks:
                connection.receive(acks[sent], now_us)
            for _ in range(batch):
                connection.send(PAYLOAD, now_us)
            connection.poll(now_us)

    return send


def _stream(keys: KeySet | None) -> Sequence[tuple[bytes, Buffer]]:
    """The datagrams of a stream, with the timestamps of its pace."""
    if keys is None:
        return [
            (HEADER.pack(number, marks_of(number + 1), number * INTERVAL_US, OURS), PAYLOAD)
            for number in range(PACKETS)
        ]
    sender = _connection(THEIRS, keys)
    datagrams: list[Datagram] = []
    for number in range(PACKETS):
        sender.send(PAYLOAD, 0, origin_us=number * INTERVAL_US)
    sender.sender.emit(0, datagrams)
    return datagrams


def _connection(socket_id: int, keys: KeySet | None) -> SrtConnection:
    negotiated = Negotiated(
        peer=Peer("192.0.2.1", 9000),
        socket_id=socket_id,
        peer_socket_id=OURS + THEIRS - socket_id,
        initial_seq=0,
        peer_initial_seq=0,
        mtu_bytes=1500,
        flow_window_packets=8192,
        receive_latency_ms=120,
        send_latency_ms=120,
        peer_version=SRT_VERSION,
        peer_flags=OUR_FLAGS,
        stream_id="",
        start_us=0,
        peer_start_us=0,
        keys=keys,
        passphrase="correct horse" if keys else "",
        seed=SEED,
        answer=b"",
    )
    return SrtConnection(negotiated, 0)
