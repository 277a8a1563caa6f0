"""Sequence numbers: strangers who ask for ten thousand names do not set back the count of a stream."""

import pytest

from engine.hooks import sequences
from engine.hooks.book import Book
from engine.hooks.limits import MAX_SEQUENCES
from engine.hooks.records import Opened
from tests.engine.hooks.records import queued, session

STREAM = "live/main"


def counted_to_five() -> Book:
    book = Book()
    assert [book.next_sequence(STREAM) for _ in range(5)] == [1, 2, 3, 4, 5]
    return book


def ask_for_invented_names(book: Book, count: int = 2 * MAX_SEQUENCES) -> None:
    for number in range(count):
        book.next_sequence(f"live/invented-{number}")


def names_kept(book: Book) -> int:
    return sum(len(part.sequences) for part in book.snapshot())


def put_on_air(book: Book) -> None:
    """Somebody got in to publish, and has gone again."""
    book.ledger.put(session(stream=STREAM, told=True))
    book.ledger.end("s1")


def test_a_stream_with_an_open_session_counts_on_whatever_strangers_ask_for() -> None:
    book = counted_to_five()
    book.ledger.begin(session(stream=STREAM))
    ask_for_invented_names(book)
    assert book.next_sequence(STREAM) == 6


def test_a_stream_whose_events_still_wait_counts_on() -> None:
    book = counted_to_five()
    book.pending[1] = queued(1, STREAM)
    ask_for_invented_names(book)
    assert book.next_sequence(STREAM) == 6
    del book.pending[1]
    ask_for_invented_names(book)
    assert book.next_sequence(STREAM) == 1


def test_a_stream_between_its_publishers_counts_on_while_there_are_names_that_were_only_asked_for() -> None:
    book = counted_to_five()
    put_on_air(book)
    ask_for_invented_names(book)
    assert book.next_sequence(STREAM) == 6


def test_who_was_asked_about_and_refused_puts_no_stream_on_air() -> None:
    book = counted_to_five()
    book.ledger.begin(session(stream=STREAM))
    book.ledger.end("s1")
    ask_for_invented_names(book)
    assert book.next_sequence(STREAM) == 1


def test_a_stream_that_has_segments_is_no_invention() -> None:
    book = counted_to_five()
    book.pending[1] = queued(1, STREAM, action="on_hls")
    del book.pending[1]
    ask_for_invented_names(book)
    assert book.next_sequence(STREAM) == 6


def test_the_next_process_knows_which_names_were_on_air_from_the_snapshot() -> None:
    book = counted_to_five()
    put_on_air(book)
    ask_for_invented_names(book, 10)
    heir = Book()
    heir.read(book.snapshot())
    assert heir.next_sequence("live/invented-3") == 2
    ask_for_invented_names(heir)
    assert heir.next_sequence(STREAM) == 6


def test_the_next_process_knows_it_from_the_records_of_sessions() -> None:
    book = Book()
    book.read([Opened(session(stream=STREAM, told=True), 5)])
    book.ledger.end("s1")
    ask_for_invented_names(book)
    assert book.next_sequence(STREAM) == 6


def test_names_that_nobody_uses_are_bounded() -> None:
    book = Book()
    ask_for_invented_names(book, 3 * MAX_SEQUENCES)
    assert MAX_SEQUENCES // 2 < names_kept(book) <= MAX_SEQUENCES


def test_streams_that_were_on_air_are_bounded_too() -> None:
    book = Book()
    for number in range(3 * MAX_SEQUENCES):
        name = f"live/{number}"
        book.ledger.put(session(stream=name, told=True))
        book.next_sequence(name)
        book.ledger.end("s1")
    assert names_kept(book) <= MAX_SEQUENCES


def test_more_names_in_use_than_there_is_room_for_are_all_kept_and_looked_through_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = 0

    class Looked(sequences.Sequences):
        def _make_room(self, newest: str) -> None:
            nonlocal looks
            looks += 1
            super()._make_room(newest)

    monkeypatch.setattr("engine.hooks.book.Sequences", Looked)
    book = Book()
    for number in range(2 * MAX_SEQUENCES):
        name = f"live/{number}"
        book.next_sequence(name)
        book.ledger.begin(session(f"s{number}", stream=name))
    assert book.next_sequence("live/0") == 2
    assert names_kept(book) == 2 * MAX_SEQUENCES
    assert looks <= MAX_SEQUENCES // sequences.SLACK
