"""All that the sender has to know, and each change of it as a record: so that another process can read itself
into the same state.

    open sessions          from Opened, Closed and snapshots
    sequence numbers       of each stream, from Opened, Queued and snapshots
    events to be sent      Queued without Done, to where Moved says
"""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from engine.hooks.limits import SNAPSHOT_ENTRIES
from engine.hooks.pending import Pending
from engine.hooks.records import AnyRecord, Closed, Done, Moved, Opened, Queued, Snapshot
from engine.hooks.sequences import Sequences
from engine.hooks.sessions import Ledger


class Book:
    """The state of the sender."""

    def __init__(self) -> None:
        self._sequences = Sequences(self._is_in_use)
        self.ledger = Ledger(on_air=self._sequences.came_on_air)
        self.pending = Pending(on_air=self._sequences.came_on_air)
        self.next_number = 1
        self._listed: set[str] = set()  # sessions that the snapshot has which is being read
        self._parts_missing = 0

    def next_sequence(self, stream: str) -> int:
        """The number of the next event of this stream."""
        return self._sequences.next(stream)

    def read(self, records: Iterable[AnyRecord]) -> None:
        """Follow what another process has written, oldest first."""
        for record in records:
            self._read_one(record)

    def snapshot(self) -> list[Snapshot]:
        """What a new segment begins with; at least one record."""
        parts = [*self._parts()]
        return [Snapshot(True, self.next_number, [], {}, parts=len(parts)), *parts]

    def _parts(self) -> Iterator[Snapshot]:
        sessions = list(self.ledger.open.values())
        for at in range(0, len(sessions), SNAPSHOT_ENTRIES):
            yield Snapshot(False, self.next_number, sessions[at : at + SNAPSHOT_ENTRIES], {})
        for on_air, numbers in self._sequences.groups():
            for at in range(0, len(numbers), SNAPSHOT_ENTRIES):
                some = dict(numbers[at : at + SNAPSHOT_ENTRIES])
                yield Snapshot(False, self.next_number, [], some, on_air)

    def _is_in_use(self, stream: str) -> bool:
        return stream in self.ledger.streams or stream in self.pending.streams

    def _read_one(self, record: AnyRecord) -> None:
        match record:
            case Snapshot():
                self._read_snapshot(record)
            case Opened():
                self._open_again(record)
            case Closed():
                self.ledger.end(record.session_id)
            case Queued():
                self.pending[record.number] = record
                self.next_number = max(self.next_number, record.number + 1)
                self._sequences.note(record.stream, record.sequence)
            case Done():
                for number in record.numbers:
                    self.pending.pop(number, None)
            case Moved():
                self._move_again(record)

    def _move_again(self, record: Moved) -> None:
        for number in record.numbers:
            if number in self.pending:
                self.pending[number] = replace(self.pending[number], url=record.url)

    def _read_snapshot(self, snapshot: Snapshot) -> None:
        """Sessions that a whole snapshot does not have were over by then, even if their Closed is lost."""
        if snapshot.first:
            self._listed, self._parts_missing = set(), snapshot.parts
        else:
            self._parts_missing -= 1
        for session in snapshot.sessions:
            self.ledger.put(session)
            self._listed.add(session.id)
        if self._parts_missing == 0:
            self.ledger.forget_others(self._listed)
        self.next_number = max(self.next_number, snapshot.next_number)
        for stream, sequence in snapshot.sequences.items():
            self._read_sequence(stream, sequence, on_air=snapshot.on_air)

    def _read_sequence(self, stream: str, sequence: int, *, on_air: bool) -> None:
        if on_air:
            self._sequences.came_on_air(stream)
        self._sequences.note(stream, sequence)

    def _open_again(self, record: Opened) -> None:
        if not self.ledger.begin(record.session):
            self.ledger.change(record.session)
        self._sequences.note(record.session.stream, record.sequence)
