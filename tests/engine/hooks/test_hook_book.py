"""The sender's book: another process reads itself into the same state, wherever the log begins."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.hooks.book import Book
from engine.hooks.limits import MAX_RECENT_ENDS, MAX_SEQUENCES, SNAPSHOT_ENTRIES
from engine.hooks.records import AnyRecord, Closed, Done, Opened, Queued
from engine.hooks.sessions import Holder, Ledger, Session
from tests.engine.hooks.records import queued, session

STREAMS = ("live/a", "live/b", "live/c")

Told = tuple[dict[str, Session], dict[int, Queued], int]


def told(book: Book) -> Told:
    return dict(book.ledger.open), dict(book.pending), book.next_number


def read(records: list[AnyRecord]) -> Book:
    book = Book()
    book.read(records)
    return book


class Clerk:
    """Changes a book as the sender does, and writes down each change."""

    def __init__(self) -> None:
        self.book = Book()
        self.log: list[AnyRecord] = []

    def open(self, number: int) -> None:
        one = session(f"s{number}", stream=STREAMS[number % 3])
        if self.book.ledger.begin(one):
            self.log.append(Opened(one, self.book.next_sequence(one.stream)))

    def close(self, number: int) -> None:
        if self.book.ledger.end(f"s{number}"):
            self.log.append(Closed(f"s{number}"))

    def queue(self, number: int) -> None:
        event = queued(self.book.next_number, STREAMS[number % 3])
        event = replace(event, sequence=self.book.next_sequence(event.stream))
        self.book.next_number += 1
        self.book.pending[event.number] = event
        self.log.append(event)

    def finish(self, number: int) -> None:
        if self.book.pending.pop(number, None):
            self.log.append(Done([number]))


steps = st.lists(
    st.tuples(st.sampled_from(["open", "close", "queue", "finish"]), st.integers(1, 8)), max_size=40
)


@given(steps)
def test_the_log_alone_tells_everything(done: list[tuple[str, int]]) -> None:
    clerk = Clerk()
    for step, number in done:
        getattr(clerk, step)(number)
    assert told(read(clerk.log)) == told(clerk.book)


@given(steps, steps)
def test_a_snapshot_stands_for_everything_before_it_but_events(
    before: list[tuple[str, int]], after: list[tuple[str, int]]
) -> None:
    clerk = Clerk()
    for step, number in before:
        getattr(clerk, step)(number)
    old_events = set(clerk.book.pending)
    clerk.log = list(clerk.book.snapshot())
    for step, number in after:
        getattr(clerk, step)(number)
    heir = read(clerk.log)
    assert heir.ledger.open == clerk.book.ledger.open
    assert heir.next_number == clerk.book.next_number
    assert set(heir.pending) == set(clerk.book.pending) - old_events
    assert [heir.next_sequence(name) for name in STREAMS] == [
        clerk.book.next_sequence(name) for name in STREAMS
    ]


def test_a_session_whose_end_was_lost_is_over_by_the_next_snapshot() -> None:
    book = read([Opened(session("lost"), 1), *Book().snapshot()])
    assert book.ledger.open == {}


def test_a_snapshot_that_is_not_whole_forgets_nobody() -> None:
    many = Book()
    for number in range(3 * SNAPSHOT_ENTRIES):
        many.ledger.begin(session(f"s{number}"))
    torn = many.snapshot()[:-1]
    book = read([Opened(session("older"), 1), Opened(session("s1"), 1), *torn])
    assert {"older", "s1"} < book.ledger.open.keys()
    book.read(many.snapshot())
    assert book.ledger.open == many.ledger.open


def test_sequences_count_each_stream_for_itself() -> None:
    book = Book()
    assert [book.next_sequence(name) for name in ("a", "b", "a", "a")] == [1, 1, 2, 3]


def test_a_stream_that_was_silent_longest_begins_anew_when_there_are_too_many() -> None:
    book = Book()
    for number in range(MAX_SEQUENCES):
        book.next_sequence(f"live/{number}")
    book.next_sequence("live/0")
    book.next_sequence("live/new")
    assert book.next_sequence("live/0") == 3
    assert book.next_sequence("live/1") == 1


def test_an_end_is_told_once_however_often_it_is_said() -> None:
    ledger = Ledger()
    assert ledger.begin(session("s1"))
    assert ledger.end("s1") == session("s1")
    assert ledger.end("s1") is None
    assert not ledger.begin(session("s1"))


def test_an_end_of_what_never_began_is_nobodys() -> None:
    assert Ledger().end("s1") is None


def test_ends_are_remembered_for_long_but_not_for_ever() -> None:
    ledger = Ledger()
    for number in range(MAX_RECENT_ENDS + 1):
        ledger.begin(session(f"s{number}"))
        ledger.end(f"s{number}")
    assert ledger.begin(session("s0"))
    assert not ledger.begin(session("s1"))


def test_a_publisher_that_was_handed_on_lives_and_dies_with_who_has_it_now() -> None:
    fanout, ingest = Holder(1, 10, 1), Holder(0, 20, 2)
    ledger = Ledger([session("s1", holder=fanout)])
    ledger.hold("s1", ingest)
    assert ledger.left_by_the_dead(lambda holder: holder == ingest) == []
    assert [left.id for left in ledger.left_by_the_dead(lambda holder: holder == fanout)] == ["s1"]
    assert ledger.hold("unknown", ingest) is None
