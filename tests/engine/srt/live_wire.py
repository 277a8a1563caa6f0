"""Two live connections, a wire between them that does what it is told, and a clock that only moves on."""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from engine.protocols.srt.connection import SrtConnection
from engine.protocols.srt.cookie import Peer
from engine.protocols.srt.handshake import OUR_FLAGS
from engine.protocols.srt.keys import KeySet, SendKeys
from engine.protocols.srt.live_events import Event, Gap
from engine.protocols.srt.live_limits import RECEIVE_BUFFER_PACKETS
from engine.protocols.srt.losses import NEVER
from engine.protocols.srt.negotiated import Negotiated
from engine.protocols.srt.numbers import SEQ_MASK
from engine.protocols.srt.pacing import Bandwidth
from engine.protocols.srt.packets import CONTROL_BIT, HEADER

MS = 1_000
SECOND = 1_000_000
START_US = 1_000 * SECOND
PUBLISHER_ID, PLAYER_ID = 0x1111, 0x2222

Fates = Callable[[bytes, int], list[int]]
"""From a datagram and its time to the delays after which copies of it arrive; none: it is lost."""


@dataclass
class Weather:
    """How a wire behaves, by chance. Probabilities per datagram; the same seed does the same."""

    seed: int = 1
    loss: float = 0.0
    delay_us: int = 30 * MS
    jitter_us: int = 0
    reorder: float = 0.0
    """Of being held up by `held_us`, so that later datagrams overtake."""
    held_us: int = 8 * MS
    duplicate: float = 0.0
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def __call__(self, _datagram: bytes, _now_us: int) -> list[int]:
        copies = 2 if self.chance.random() < self.duplicate else 1
        return [self._delay_us() for _ in range(copies) if self.chance.random() >= self.loss]

    def _delay_us(self) -> int:
        held_us = self.held_us if self.chance.random() < self.reorder else 0
        return self.delay_us + held_us + (self.chance.randrange(self.jitter_us) if self.jitter_us else 0)


def steady(_datagram: bytes, _now_us: int) -> list[int]:
    """A wire without faults, 30 ms long."""
    return [30 * MS]


class Script:
    """A wire that loses what it is told to: attempts of data packets, counted from the stream's first packet.

    `losses[n]` is a bit mask: bit k set means that the k-th sending of packet n is lost.
    """

    def __init__(self, losses: list[int], initial_seq: int, delay_us: int = 30 * MS) -> None:
        self.losses = losses
        self._initial_seq = initial_seq
        self._delay_us = delay_us
        self._sendings: dict[int, int] = {}

    def __call__(self, datagram: bytes, _now_us: int) -> list[int]:
        seq = HEADER.unpack_from(datagram)[0]
        if seq & CONTROL_BIT:
            return [self._delay_us]
        packet = (seq - self._initial_seq) & SEQ_MASK
        sending = self._sendings.get(packet, 0)
        self._sendings[packet] = sending + 1
        lost = packet < len(self.losses) and self.losses[packet] >> sending & 1
        return [] if lost else [self._delay_us]


class LossyWire:
    """What is on its way, both ways."""

    def __init__(self, there: Fates, back: Fates) -> None:
        self._fates = {PLAYER_ID: there, PUBLISHER_ID: back}
        self._flying: list[tuple[int, int, int, bytes]] = []
        self._order = count()
        self.carried: dict[int, int] = {PLAYER_ID: 0, PUBLISHER_ID: 0}

    def put(self, to: int, datagrams: list[tuple[bytes, bytes]], now_us: int) -> None:
        for header, payload in datagrams:
            datagram = header + payload
            self.carried[to] += 1
            for delay_us in self._fates[to](datagram, now_us):
                heapq.heappush(self._flying, (now_us + delay_us, next(self._order), to, datagram))

    def next_us(self) -> int:
        return self._flying[0][0] if self._flying else NEVER

    def take(self, now_us: int) -> dict[int, list[bytes]]:
        """What arrives now, by socket id."""
        arrived: dict[int, list[bytes]] = {PLAYER_ID: [], PUBLISHER_ID: []}
        while self._flying and self._flying[0][0] <= now_us:
            _, _, to, datagram = heapq.heappop(self._flying)
            arrived[to].append(datagram)
        return arrived


def negotiated(
    socket_id: int,
    *,
    latency_ms: int = 250,
    initial_seq: int = 0x1234567,
    one_way_us: int = 30 * MS,
    publisher_age_us: int = 0,
    keys: KeySet | None = None,
    flags: int = int(OUR_FLAGS),
    window_packets: int = RECEIVE_BUFFER_PACKETS,
) -> Negotiated:
    """What one side knows after a handshake that took one way of the wire."""
    return Negotiated(
        peer=Peer("192.0.2.1", 9000),
        socket_id=socket_id,
        peer_socket_id=PLAYER_ID + PUBLISHER_ID - socket_id,
        initial_seq=initial_seq,
        peer_initial_seq=initial_seq,
        mtu_bytes=1500,
        flow_window_packets=window_packets,
        receive_latency_ms=latency_ms,
        send_latency_ms=latency_ms,
        peer_version=0x010504,
        peer_flags=type(OUR_FLAGS)(flags),
        stream_id="",
        start_us=START_US - (publisher_age_us if socket_id == PUBLISHER_ID else 0),
        peer_start_us=START_US + one_way_us - (publisher_age_us if socket_id == PLAYER_ID else 0),
        keys=keys,
        passphrase="correct horse" if keys else "",
        seed=b"seed of the test" * 2,
        answer=b"",
    )


@dataclass
class Delivery:
    """One payload that came out."""

    index: int
    at_us: int


class LiveRun:
    """A publisher that sends numbered packets at an even pace, and whoever receives them."""

    def __init__(
        self,
        there: Fates = steady,
        back: Fates = steady,
        *,
        interval_us: int = 2_105,
        latency_ms: int = 250,
        initial_seq: int = 0x1234567,
        one_way_us: int = 30 * MS,
        bandwidth: Bandwidth | None = None,
        keys: KeySet | None = None,
        publisher_flags: int = int(OUR_FLAGS),
        publisher_ppm: int = 0,
        publisher_age_us: int = 0,
        send_keys: SendKeys | None = None,
        window_packets: int = RECEIVE_BUFFER_PACKETS,
    ) -> None:
        self.interval_us = interval_us
        self.latency_us = latency_ms * MS
        self.one_way_us = one_way_us
        self.wire = LossyWire(there, back)
        more = {
            "latency_ms": latency_ms,
            "initial_seq": initial_seq,
            "one_way_us": one_way_us,
            "keys": keys,
            "publisher_age_us": publisher_age_us,
            "window_packets": window_packets,
        }
        self.publisher = SrtConnection(
            negotiated(PUBLISHER_ID, flags=publisher_flags, **more),  # type: ignore[arg-type]
            START_US,
            bandwidth=bandwidth,
            send_keys=send_keys,
        )
        self.player = SrtConnection(
            negotiated(PLAYER_ID, **more),  # type: ignore[arg-type]
            START_US,
            receive_packets=window_packets,
        )
        self.delivered: list[Delivery] = []
        self.events: list[Event] = []
        self.publisher_events: list[Event] = []
        self.sent_us: list[int] = []
        self.now_us = START_US
        self._padding = bytes(28)
        self._ppm = publisher_ppm

    def publish(self, packets: int) -> None:
        """Send so many packets, and do everything that falls due meanwhile."""
        for _ in range(packets):
            self.run_until(self.now_us + self.interval_us)
            self.publisher.send(len(self.sent_us).to_bytes(4) + self._padding, self._theirs(self.now_us))
            self.sent_us.append(self.now_us)
            self._poll_publisher()

    def run_until(self, end_us: int) -> None:
        """Do everything that falls due."""
        while True:
            next_us = min(
                self.wire.next_us(),
                self._ours(self.publisher.next_deadline_us()),
                self.player.next_deadline_us(),
            )
            if next_us > end_us:
                break
            self.now_us = max(self.now_us, next_us)
            self._step()
        self.now_us = end_us

    def finish(self) -> None:
        """Let everything arrive that is on its way, and be played."""
        self.run_until(self.now_us + self.latency_us + SECOND)

    @property
    def gaps(self) -> list[Gap]:
        return [event for event in self.events if isinstance(event, Gap)]

    def _step(self) -> None:
        arrived = self.wire.take(self.now_us)
        if arrived[PUBLISHER_ID]:
            theirs_us = self._theirs(self.now_us)
            self.publisher_events += self.publisher.receive_many(arrived[PUBLISHER_ID], theirs_us)
        if arrived[PLAYER_ID]:
            self.events += self.player.receive_many(arrived[PLAYER_ID], self.now_us)
        for payload in self.player.deliver(self.now_us):
            self.delivered.append(Delivery(int.from_bytes(payload[:4]), self.now_us))
        self.wire.put(PUBLISHER_ID, self.player.poll(self.now_us), self.now_us)  # type: ignore[arg-type]
        self.events += self.player.take_events()
        self._poll_publisher()

    def _poll_publisher(self) -> None:
        datagrams = self.publisher.poll(self._theirs(self.now_us))
        self.wire.put(PLAYER_ID, datagrams, self.now_us)  # type: ignore[arg-type]
        self.publisher_events += self.publisher.take_events()

    def _theirs(self, now_us: int) -> int:
        """The publisher's clock, which may run fast or slow."""
        elapsed_us = now_us - START_US
        return now_us + elapsed_us * self._ppm // SECOND

    def _ours(self, theirs_us: int) -> int:
        if theirs_us >= NEVER:
            return theirs_us
        elapsed_us = theirs_us - START_US
        return START_US + -(-elapsed_us * SECOND // (SECOND + self._ppm))
