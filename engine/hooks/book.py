"""All that the sender has to know, and each change of it as a record: so that another process can read itself
into the same state.

    open sessions          from Opened, Closed and snapshots
    sequence numbers       of each stream, from Opened, Queued and snapshots
    events to be sent      Queued without Done
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator

from engine.hooks.limits import MAX_SEQUENCES, SNAPSHOT_ENTRIES
from engine.hooks.records import AnyRecord, Closed, Done, Opened, Queued, Snapshot
from engine.hooks.sessions import Ledger


class Book:
    """The state of the sender."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.pending: dict[int, Queued] = {}
        self.next_number = 1
        self._sequences: OrderedDict[str, int] = OrderedDict()

    def next_sequence(self, stream: str) -> int:
        """The number of the next event of this stream."""
        sequence = self._sequences.get(stream, 0) + 1
        self._note_sequence(stream, sequence)
        return sequence

    def read(self, records: Iterable[AnyRecord]) -> None:
        """Follow what another process has written, oldest first."""
        for record in records:
            self._read_one(record)

    def snapshot(self) -> Iterator[Snapshot]:
        """What a new segment begins with; at least one record."""
        sessions, sequences = list(self.ledger.open.values()), list(self._sequences.items())
        yield Snapshot(True, self.next_number, [], {})
        for at in range(0, len(sessions), SNAPSHOT_ENTRIES):
            yield Snapshot(False, self.next_number, sessions[at : at + SNAPSHOT_ENTRIES], {})
        for at in range(0, len(sequences), SNAPSHOT_ENTRIES):
            yield Snapshot(False, self.next_number, [], dict(sequences[at : at + SNAPSHOT_ENTRIES]))

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
                self._note_sequence(record.stream, record.sequence)
            case Done():
                for number in record.numbers:
                    self.pending.pop(number, None)

    def _read_snapshot(self, snapshot: Snapshot) -> None:
        """Sessions that this snapshot does not have were over by then, even if their Closed is lost."""
        if snapshot.first:
            self.ledger.forget_all()
        for session in snapshot.sessions:
            self.ledger.put(session)
        self.next_number = max(self.next_number, snapshot.next_number)
        for stream, sequence in snapshot.sequences.items():
            self._note_sequence(stream, sequence)

    def _open_again(self, record: Opened) -> None:
        if not self.ledger.begin(record.session):
            self.ledger.change(record.session)
        self._note_sequence(record.session.stream, record.sequence)

    def _note_sequence(self, stream: str, sequence: int) -> None:
        self._sequences[stream] = max(sequence, self._sequences.get(stream, 0))
        self._sequences.move_to_end(stream)
        if len(self._sequences) > MAX_SEQUENCES:
            self._sequences.popitem(last=False)
