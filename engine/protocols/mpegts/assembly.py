"""PES packets out of the packets of one PID (ISO 13818-1 §2.4.3.6).

The plain case, a full payload that continues a PES packet with the counter in step, is done by the reader's
loop itself: it appends to `chunks` and takes the bytes off `room`. Everything else comes through here, and so
does the moment when `room` is used up: the PES packet is complete, or too large, or there was none.

When does a picture end? Its PES packet rarely says how long it is, so the standard's answer is: when the next
one begins, a frame too late. But a multiplexer fills up the last packet of a PES packet with stuffing, for
the next one must begin in a packet of its own. So a stuffed packet is taken for the last one, after it has
been so eight times on this PID without exception. The first exception (one picture is then lost) puts an end
to it. The one picture in 184 that fills its last packet exactly waits for the next one, as ever.
"""

from collections.abc import Callable
from typing import Final

from engine.protocols.mpegts.events import TsEvent
from engine.protocols.mpegts.limits import MAX_PES_PACKETS
from engine.protocols.mpegts.statistics import TsStats

_PREFIX_BYTES: Final = 6  # start code, stream id, length
_TRUSTED_AFTER: Final = 8
_NEVER: Final = -1

Sink = Callable[[bytes, bool], list[TsEvent]]


class Assembly:
    """One PID's PES packet in the making.

    sink takes a PES packet and whether the end of it is missing. `counter` is the one that the next packet
    should have, or -1 if any will do.
    """

    __slots__ = (
        "_bounded", "_early", "_last", "_limit", "_open", "_sink", "_stats", "_stuffed", "_trust", "_waiting",
        "chunks", "counter", "room",
    )  # fmt: skip

    def __init__(self, sink: Sink, limit_bytes: int, stats: TsStats) -> None:
        self._sink, self._limit, self._stats = sink, limit_bytes, stats
        self.chunks: list[bytes] = []
        self.room = 0
        self.counter = -1
        self._last = b""  # newest payload of the PES packet before, to know a duplicate by
        self._open = self._bounded = self._stuffed = self._early = False
        self._waiting = 0  # room behind a stuffed packet, should it not be the last one
        self._trust = 0

    def take(self, unit_start: bool, payload: bytes, stuffed: bool, events: list[TsEvent]) -> None:
        """Take a payload that is anything but plain."""
        if unit_start:
            self._begin(payload, events)
        elif not self._open:
            self._stray()
            return
        else:
            self.chunks.append(payload)
            self.room -= len(payload)
            if self._stuffed:
                self._go_on()
        if self.room <= 0 or len(self.chunks) > MAX_PES_PACKETS:
            self.full(events)
        elif stuffed and not self._bounded:
            self._take_stuffed(events)

    def full(self, events: list[TsEvent]) -> None:
        """Nothing more fits: find out why."""
        if not self._open:
            self._stray()
        elif self._stuffed:
            self._go_on()
        elif self._bounded:
            self._deliver(events, damaged=False)
        else:
            self._stats.oversized_units += 1
            self._close()

    def break_off(self, events: list[TsEvent]) -> None:
        """Packets are missing here: what was open ends, and is whole only if its last packet was seen."""
        self._early = False
        if self._open:
            self._deliver(events, damaged=not self._stuffed)

    def finish(self, events: list[TsEvent]) -> None:
        """Nothing more comes, or something else does: a splice, the end. Where stuffing tells nothing, what
        is there is taken for whole."""
        torn = self._bounded or not (self._stuffed or self._trust == _NEVER)
        if self._open:
            self._deliver(events, damaged=torn)

    def _begin(self, payload: bytes, events: list[TsEvent]) -> None:
        """A PES packet begins, and so the one before has ended, whatever its length said."""
        if self._open:
            if self._stuffed and self._trust != _NEVER:
                self._trust += 1
            self._deliver(events, damaged=False)
        length = int.from_bytes(payload[4:_PREFIX_BYTES], "big") if len(payload) >= _PREFIX_BYTES else 0
        self._open, self._bounded, self._early = True, length > 0, False
        self.chunks = [payload]
        self.room = (length + _PREFIX_BYTES if length else self._limit) - len(payload)

    def _take_stuffed(self, events: list[TsEvent]) -> None:
        if self._trust >= _TRUSTED_AFTER:
            self._stats.early_units += 1
            self._deliver(events, damaged=False)
            self._early = True
        elif self._trust != _NEVER:
            self._stuffed, self._waiting, self.room = True, self.room, 0

    def _go_on(self) -> None:
        """A stuffed packet was not the last one: never believe it again."""
        self._stuffed, self._trust = False, _NEVER
        self.room += self._waiting

    def _stray(self) -> None:
        """Payload without a beginning. Behind a picture that was given out early it means that it was
        torn."""
        self.chunks.clear()
        self.room = 0
        self._stats.stray_packets += 1
        if self._early:
            self._early, self._trust = False, _NEVER
            self._stats.damaged_units += 1

    def _deliver(self, events: list[TsEvent], *, damaged: bool) -> None:
        chunks, self._last = self.chunks, self.chunks[-1]
        self._close()
        if damaged:
            self._stats.damaged_units += 1
        events += self._sink(b"".join(chunks), damaged)

    def _close(self) -> None:
        self.chunks = []
        self.room = 0
        self._open = self._stuffed = False

    def is_duplicate(self, payload: bytes) -> bool:
        """Whether this is the newest payload once more."""
        return payload == (self.chunks[-1] if self.chunks else self._last)
