"""Two whole ends, from the first datagram to the last, over a wire that loses some of them."""

import msgspec
import pytest

from engine.protocols.srt.caller import Caller
from engine.protocols.srt.connection import SrtConnection
from engine.protocols.srt.key_material import CipherMode
from engine.protocols.srt.keys import SendKeys
from engine.protocols.srt.listener import Answer, ConnectionRequest
from engine.protocols.srt.live_events import Closed, CloseReason, Event, Gap
from engine.protocols.srt.negotiated import Negotiated
from engine.protocols.srt.packets import destination
from tests.engine.srt.handshakes import (
    CALLER,
    PASSPHRASE,
    call,
    listener_terms,
    new_caller,
    new_listener,
)
from tests.engine.srt.live_wire import MS, PLAYER_ID, PUBLISHER_ID, SECOND, LossyWire, Weather

CALLER_SIDE, LISTENER_SIDE = PUBLISHER_ID, PLAYER_ID
"""How the wire names its ends."""
LATENCY_MS = 200


class Ends:
    """A caller and a listener's port, polled every millisecond."""

    def __init__(self, loss: float, seed: int, passphrase: str, mode: CipherMode, refresh: int = 0) -> None:
        self.now_us = 50 * SECOND
        self.wire = LossyWire(Weather(seed, loss=loss), Weather(seed + 1, loss=loss))
        self.listener = new_listener()
        wanted = call(passphrase, mode=mode, receive_latency_ms=LATENCY_MS, initial_seq=2**31 - 300)
        self.caller: Caller | None = new_caller(wanted, self.now_us)
        self.called: SrtConnection | None = None
        self.calling: SrtConnection | None = None
        self.events: dict[int, list[Event]] = {CALLER_SIDE: [], LISTENER_SIDE: []}
        self.played: dict[int, list[int]] = {CALLER_SIDE: [], LISTENER_SIDE: []}
        self._passphrase = passphrase
        self._refresh = refresh

    def run(self, milliseconds: int) -> None:
        for _ in range(milliseconds):
            self.now_us += MS
            arrived = self.wire.take(self.now_us)
            for datagram in arrived[LISTENER_SIDE]:
                self._at_listener(datagram)
            for datagram in arrived[CALLER_SIDE]:
                self._at_caller(datagram)
            if self.caller is not None:
                self._put(LISTENER_SIDE, [(each, b"") for each in self.caller.poll(self.now_us)])
            self._turn(self.calling, CALLER_SIDE, LISTENER_SIDE)
            self._turn(self.called, LISTENER_SIDE, CALLER_SIDE)

    def connect(self) -> None:
        while self.calling is None or self.called is None:
            self.run(1)

    def _at_listener(self, datagram: bytes) -> None:
        if destination(datagram):
            if self.called is not None:
                self.events[LISTENER_SIDE] += self.called.receive(datagram, self.now_us)
            return
        outcome = self.listener.receive(datagram, CALLER, self.now_us)
        if isinstance(outcome, Answer):
            self._put(CALLER_SIDE, [(outcome.datagram, b"")])
        elif isinstance(outcome, ConnectionRequest):
            terms = listener_terms(self._passphrase, receive_latency_ms=LATENCY_MS)
            negotiated = self.listener.accept(outcome, terms, self.now_us)
            assert isinstance(negotiated, Negotiated)
            self.called = self._connection(negotiated)
            self._put(CALLER_SIDE, [(negotiated.answer, b"")])

    def _at_caller(self, datagram: bytes) -> None:
        if self.calling is not None:
            self.events[CALLER_SIDE] += self.calling.receive(datagram, self.now_us)
        elif self.caller is not None:
            negotiated = self.caller.receive(datagram, self.now_us)
            if isinstance(negotiated, Negotiated):
                self.caller, self.calling = None, self._connection(negotiated)

    def _connection(self, negotiated: Negotiated) -> SrtConnection:
        keys = None
        if negotiated.keys and self._refresh:
            keys = SendKeys(
                negotiated.keys,
                negotiated.seed,
                refresh_packets=self._refresh,
                announce_packets=self._refresh // 5,
            )
        return SrtConnection(negotiated, self.now_us, send_keys=keys)

    def _turn(self, connection: SrtConnection | None, side: int, other: int) -> None:
        if connection is not None:
            self.played[side] += [int.from_bytes(each) for each in connection.deliver(self.now_us)]
            self._put(other, connection.poll(self.now_us))  # type: ignore[arg-type]
            self.events[side] += connection.take_events()

    def _put(self, to: int, datagrams: list[tuple[bytes, bytes]]) -> None:
        self.wire.put(to, datagrams, self.now_us)


def gaps(events: list[Event]) -> int:
    return sum(event.packets for event in events if isinstance(event, Gap))


@pytest.mark.parametrize("loss", [0.0, 0.1])
@pytest.mark.parametrize(
    ("passphrase", "mode"),
    [("", CipherMode.CTR), (PASSPHRASE, CipherMode.CTR), (PASSPHRASE, CipherMode.GCM)],
    ids=["plain", "CTR", "GCM"],
)
@pytest.mark.parametrize("caller_publishes", [True, False], ids=["publish", "play"])
def test_a_stream_goes_through_from_induction_to_shutdown(
    caller_publishes: bool, passphrase: str, mode: CipherMode, loss: float
) -> None:
    ends = Ends(loss, 40, passphrase, mode, refresh=200)
    ends.connect()
    assert ends.calling is not None
    assert ends.called is not None
    if caller_publishes:
        sender, player, side = ends.calling, ends.called, LISTENER_SIDE
    else:
        sender, player, side = ends.called, ends.calling, CALLER_SIDE
    for number in range(700):
        sender.send(number.to_bytes(4), ends.now_us)
        ends.run(2)
    ends.run(LATENCY_MS + 400)
    assert len(ends.played[side]) + gaps(ends.events[side]) == 700
    assert ends.played[side] == sorted(set(ends.played[side]))
    assert len(ends.played[side]) >= 700 * (1 - loss**2)
    assert sender.stats(ends.now_us).kmRefreshes == (3 if passphrase else 0)
    assert player.stats(ends.now_us).pktRcvUndecryptTotal == 0
    assert (player.stats(ends.now_us).pktRcvRecovered > 0) == (loss > 0)
    sender.close()
    ends.run(100 if not loss else 6_000)
    assert player.closed in (CloseReason.SHUTDOWN, CloseReason.IDLE)
    assert ends.events[side][-1] == Closed(player.closed)


def test_a_key_that_was_never_announced_shows_as_undecrypted_and_does_not_stop_the_books() -> None:
    ends = Ends(0.0, 50, PASSPHRASE, CipherMode.GCM)
    ends.connect()
    assert ends.calling is not None
    assert ends.calling.negotiated.keys is not None
    stranger = msgspec.structs.replace(ends.calling.negotiated.keys, even=bytes(16))
    ends.calling = SrtConnection(msgspec.structs.replace(ends.calling.negotiated, keys=stranger), ends.now_us)
    for number in range(20):
        ends.calling.send(number.to_bytes(4), ends.now_us)
        ends.run(2)
    ends.run(500)
    assert ends.called is not None
    stats = ends.called.stats(ends.now_us)
    assert stats.pktRcvUndecryptTotal == 20
    assert stats.pktRcvDelivered == 0
