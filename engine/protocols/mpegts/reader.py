"""The demultiplexer: bytes of a transport stream in, FLV messages out.

Strategy. Nine of ten packets continue a picture: no adaptation field, no unit start, the counter in step. The
loop in `_read_packets` takes those in a few operations: a table by the header without its counter leads to
the PID's assembly, whose list takes the payload. The work is then done once per PES packet, with the
interpreter's own searching and joining. Whatever is not plain goes through `_take_odd`.

Damage is counted (`stats`), never fatal. Only bytes in which no packets are to be found are refused, and
frames so many and so small that no stream has them.
Nothing is allocated by announced sizes, and what is kept is bounded: one PES packet and one frame for each of
two tracks, one section for each table.

One programme is read (`guide` says which), of it the first track of video and the first of audio that FLV has
a form for.
"""

from collections.abc import Iterator
from typing import Final, TypeAlias

import msgspec

from engine.protocols.mpegts.alignment import Aligner
from engine.protocols.mpegts.assembly import Assembly
from engine.protocols.mpegts.clock import TsClock
from engine.protocols.mpegts.errors import LocalProtocolError, RemoteProtocolError
from engine.protocols.mpegts.events import Programme, TsEvent
from engine.protocols.mpegts.guide import Guide
from engine.protocols.mpegts.limits import MAX_EVENTS_PER_S, MAX_SYNC_SEARCH_BYTES
from engine.protocols.mpegts.packets import (
    COUNTER_MASK,
    HAS_ADAPTATION,
    HAS_PAYLOAD,
    NULL_PID,
    PACKET_BYTES,
    PACKETS,
    PAYLOAD_BYTES,
    PID_MASK,
    PID_SHIFT,
    PRIORITY,
    SCRAMBLED,
    SYNC,
    TRANSPORT_ERROR,
    UNIT_START,
    Adaptation,
    read_adaptation,
)
from engine.protocols.mpegts.sources import ClockSource, TableSource
from engine.protocols.mpegts.statistics import TsStats
from engine.protocols.mpegts.streams import choose_streams, describe_tracks, make_assembly
from engine.protocols.mpegts.tables import Elementary

Source: TypeAlias = Assembly | TableSource | ClockSource

_COUNTER_BITS: Final = 4
_US_PER_S: Final = 1_000_000


class TsReader:
    """Bytes in, events out. After a RemoteProtocolError, or `finish`, the reader is over, and feeding it
    again is a LocalProtocolError."""

    def __init__(self) -> None:
        self._stats = TsStats()
        self._aligner = Aligner(self._stats)
        self._guide = Guide(self._stats)
        self._clock = TsClock()
        self._sources: dict[int, Source] = {}
        self._plain: dict[int, Assembly] = {}  # by a plain packet's header, less the counter
        self._streams: dict[Elementary, Assembly] = {}
        self._pcr_pid = NULL_PID
        self._told: Programme | None = None
        self._now_us = self._second_us = 0
        self._events = 0  # in the second that began then
        self._over = False
        self._retune()

    def receive(self, data: bytes | bytearray | memoryview, now_us: int) -> list[TsEvent]:
        """Take bytes, cut anyhow, that arrived at this time of a monotonic clock; return what they completed.
        Raises RemoteProtocolError."""
        if self._over:
            raise LocalProtocolError("fed after its end")
        self._now_us = now_us
        events: list[TsEvent] = []
        self._read_packets(self._aligner.take(bytes(data)), events)
        self._check(events)
        return events

    def finish(self) -> list[TsEvent]:
        """The stream has ended: return what was waiting for its successor."""
        self._over = True
        events: list[TsEvent] = []
        for assembly in self._streams.values():
            assembly.finish(events)
        return events

    def stats(self) -> TsStats:
        """Return the totals as of now."""
        return msgspec.structs.replace(self._stats, pcr_jitter_us=self._clock.jitter_us)

    def _check(self, events: list[TsEvent]) -> None:
        """Refuse what is no transport stream, and more messages than a stream can have."""
        if self._now_us - self._second_us >= _US_PER_S:
            self._second_us, self._events = self._now_us, 0
        self._events += len(events)
        if self._aligner.hopeless:
            reason = f"no packets of MPEG-TS in {MAX_SYNC_SEARCH_BYTES} bytes"
        elif self._events > MAX_EVENTS_PER_S:
            reason = f"more than {MAX_EVENTS_PER_S} frames in a second"
        else:
            return
        self._over = True
        error = RemoteProtocolError(reason)
        error.events = tuple(events)
        raise error

    def _read_packets(self, data: bytes, events: list[TsEvent]) -> None:
        plain = self._plain
        self._stats.packets += len(data) // PACKET_BYTES
        for word, payload in PACKETS.iter_unpack(data):
            assembly = plain.get(word >> _COUNTER_BITS)
            if assembly is not None and assembly.counter == word & COUNTER_MASK:
                assembly.counter = (word + 1) & COUNTER_MASK
                assembly.chunks.append(payload)
                assembly.room -= PAYLOAD_BYTES
                if assembly.room <= 0:
                    assembly.full(events)
            else:
                self._take_odd(word, payload, events)

    def _take_odd(self, word: int, rest: bytes, events: list[TsEvent]) -> None:
        """Take any packet, step by step."""
        pid = word >> PID_SHIFT & PID_MASK
        source = self._sources.get(pid)
        if source is None:
            self._count_foreign(pid)
        elif word & (TRANSPORT_ERROR | SCRAMBLED):
            self._pass_over(source, word, events)
        elif word & HAS_ADAPTATION:
            adaptation = read_adaptation(rest, payload_follows=word & HAS_PAYLOAD > 0)
            if adaptation is None:
                self._stats.malformed_packets += 1
                return
            self._take_adaptation(pid, adaptation)
            if word & HAS_PAYLOAD:
                self._take_payload(pid, source, word, rest[adaptation.size :], adaptation, events)
        elif word & HAS_PAYLOAD:
            self._take_payload(pid, source, word, rest, None, events)
        else:
            self._stats.malformed_packets += 1

    def _count_foreign(self, pid: int) -> None:
        if pid == NULL_PID:
            self._stats.null_packets += 1
        else:
            self._stats.foreign_packets += 1

    def _pass_over(self, source: Source, word: int, events: list[TsEvent]) -> None:
        """What is damaged or scrambled is not there. A damaged packet's counter may be wrong as well: the
        next one tells."""
        if word & TRANSPORT_ERROR:
            self._stats.transport_errors += 1
        else:
            self._stats.scrambled_packets += 1
            source.break_off(events)
            source.counter = -1

    def _take_adaptation(self, pid: int, adaptation: Adaptation) -> None:
        of_clock = pid == self._pcr_pid
        if adaptation.discontinuity:
            self._stats.discontinuities += 1
            if of_clock:
                self._clock.break_pcr()
        if of_clock and adaptation.pcr is not None:
            self._clock.take_pcr(adaptation.pcr, self._now_us)

    def _take_payload(
        self,
        pid: int,
        source: Source,
        word: int,
        payload: bytes,
        adaptation: Adaptation | None,
        events: list[TsEvent],
    ) -> None:
        announced = adaptation is not None and adaptation.discontinuity
        if not self._is_next(source, word & COUNTER_MASK, payload, announced, events):
            return
        unit_start = word & UNIT_START > 0
        if isinstance(source, Assembly):
            source.take(unit_start, payload, adaptation is not None and adaptation.stuffed, events)
        elif isinstance(source, TableSource):
            self._take_tables(pid, source, unit_start, payload, events)

    def _take_tables(
        self, pid: int, source: TableSource, unit_start: bool, payload: bytes, events: list[TsEvent]
    ) -> None:
        changed = False
        for raw in source.reader.take(payload, unit_start=unit_start):
            changed |= self._guide.take(pid, raw)
        if changed:
            events += self._retune()

    def _is_next(
        self, source: Source, counter: int, payload: bytes, announced: bool, events: list[TsEvent]
    ) -> bool:
        """Check the continuity counter (§2.4.3.3); False for a packet that was there already."""
        expected, source.counter = source.counter, (counter + 1) & COUNTER_MASK
        if expected in (counter, -1):
            return True
        if announced:
            source.finish(events)
        elif expected == source.counter and source.is_duplicate(payload):
            self._stats.duplicate_packets += 1
            return False
        else:
            self._stats.continuity_errors += 1
            source.break_off(events)
        return True

    def _retune(self) -> list[TsEvent]:
        """The tables say something new: keep the streams that go on, end those that do not, begin the
        rest."""
        events: list[TsEvent] = []
        programme, before = self._guide.map, self._streams
        chosen = choose_streams(programme) if programme else ()
        for stream, assembly in before.items():
            if stream not in chosen:
                assembly.finish(events)
        self._streams = {
            stream: before.get(stream) or make_assembly(stream, self._clock, self._stats) for stream in chosen
        }
        self._pcr_pid = programme.pcr_pid if programme else NULL_PID
        self._sources = self._connect()
        self._plain.clear()
        self._plain.update(self._plain_headers())
        if programme is not None and self._guide.number is not None:
            told = Programme(self._guide.number, describe_tracks(programme, chosen))
            if told != self._told:
                self._told = told
                events.append(told)
        return events

    def _connect(self) -> dict[int, Source]:
        """Lead each PID to what takes its packets; tables go first, whatever else a PID is said to be."""
        sources: dict[int, Source] = {}
        if self._pcr_pid != NULL_PID:
            sources[self._pcr_pid] = ClockSource()
        sources.update((stream.pid, assembly) for stream, assembly in self._streams.items())
        for pid in self._guide.pids:
            before = self._sources.get(pid)
            sources[pid] = before if isinstance(before, TableSource) else TableSource()
        return sources

    def _plain_headers(self) -> Iterator[tuple[int, Assembly]]:
        for pid, source in self._sources.items():
            if isinstance(source, Assembly):
                header = SYNC | pid << PID_SHIFT | HAS_PAYLOAD
                yield header >> _COUNTER_BITS, source
                yield (header | PRIORITY) >> _COUNTER_BITS, source
