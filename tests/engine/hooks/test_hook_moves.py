"""Events that wait while their address changes: a correction takes them along, a removal sends them
nowhere."""

import pytest
from msgspec.structs import replace

from engine.config import Config, PathSettings, for_path, load
from engine.hooks.book import Book
from engine.hooks.limits import NUMBERS_AT_A_TIME
from engine.hooks.moves import Heirs, addresses_in, are_alike, moves_of, records_of
from engine.hooks.records import Moved, Queued
from engine.hooks.settings import Action
from tests.engine.hooks.records import queued

A, B, C, D = (f"https://{letter}.example/hook" for letter in "abcd")


def hooks(*urls: str, more: str = "") -> str:
    return f'[hooks]\nurl = "{" ".join(urls)}"\n{more}'


def heirs(old: str, new: str, *urls: str) -> dict[str, str | None]:
    """Where what waits for each of these goes; None for nowhere."""
    waiting = [queued(number, url=url) for number, url in enumerate(urls, 1)]
    moves = moves_of(waiting, Heirs(load(old, {}), load(new, {})))
    now = {event.number: event.url for event in moves.moved}
    gone = moves.homeless.keys()
    return {event.url: None if event.url in gone else now.get(event.number, event.url) for event in waiting}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (hooks(A), hooks(B), {A: B}),
        (hooks(A, B), hooks(C, B), {A: C, B: B}),
        (hooks(A, B), hooks(C, D), {A: C, B: D}),
        (hooks(A), hooks("", more=f'on_unpublish = "{B}"'), {A: B}),
    ],
)
def test_a_corrected_address_takes_what_waited_for_the_wrong_one(
    old: str, new: str, expected: dict[str, str | None]
) -> None:
    assert heirs(old, new, *expected) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (hooks(A, B), hooks(B), {A: None, B: B}),
        (hooks(A, B), hooks(C), {A: None, B: None}),
        (hooks(A, B), hooks(B, C), {A: None, B: B}),
        (hooks(A), hooks(""), {A: None}),
        (hooks(B, more=f'on_unpublish = "{A}"'), hooks(B), {A: None}),
        (hooks(A), hooks(A, more='on_unpublish = "off"'), {A: None}),
        (hooks(B, more=f'[paths."live/*"]\nhooks_url = "{A}"'), hooks(B), {A: None}),
        (hooks(A, more=f'[paths."vip/*"]\nhooks_url = "{B}"'), hooks(B), {A: None}),
    ],
)
def test_what_waited_for_a_service_that_was_taken_away_goes_to_no_other(
    old: str, new: str, expected: dict[str, str | None]
) -> None:
    assert heirs(old, new, *expected) == expected


def test_an_address_of_an_older_configuration_has_no_heir() -> None:
    assert heirs(hooks(A), hooks(B), D) == {D: None}


def test_each_path_is_looked_at_for_itself() -> None:
    old = hooks(A, more=f'[paths."vip/*"]\nhooks_url = "{B}"')
    new = hooks(A, more=f'[paths."vip/*"]\nhooks_url = "{C}"')
    waiting = [queued(1, "live/cam", A), queued(2, "vip/one", B), queued(3, "live/cam", B)]
    moves = moves_of(waiting, Heirs(load(old, {}), load(new, {})))
    assert [(event.number, event.url) for event in moves.moved] == [(2, C)]
    assert moves.homeless == {B: 1}
    assert addresses_in(load(new, {})) == {A, C}


def test_an_event_of_a_renamed_stream_is_looked_up_by_the_name_that_was_asked_for() -> None:
    tables = '[paths."vip/*"]\nhooks_url = "{}"'
    old, new = (load(tables.format(url), {}) for url in (A, C))
    waiting = [replace(queued(1, "live/cam", A), path="vip/one"), queued(2, "live/cam", A)]
    moves = moves_of(waiting, Heirs(old, new))
    assert [(event.number, event.url) for event in moves.moved] == [(1, C)]
    assert moves.homeless == {A: 1}


def test_the_next_process_reads_where_events_go_now() -> None:
    waiting = [queued(number, url=A) for number in range(1, NUMBERS_AT_A_TIME + 3)]
    moved = moves_of(waiting, Heirs(load(hooks(A), {}), load(hooks(B), {}))).moved
    records = list(records_of(moved))
    assert [(len(record.numbers), record.url) for record in records] == [(NUMBERS_AT_A_TIME, B), (2, B)]
    book = Book()
    book.read([*waiting, *records, Moved([999_999], C)])
    assert list(book.pending.values()) == moved
    assert {event.url for event in book.pending.values()} == {B}


def test_nothing_else_of_an_event_changes() -> None:
    (moved,) = moves_of([queued(7, url=A)], Heirs(load(hooks(A), {}), load(hooks(B), {}))).moved
    assert moved == queued(7, url=B)
    assert isinstance(moved, Queued)


def test_what_has_nothing_to_do_with_hooks_moves_nothing() -> None:
    old, new = load(hooks(A), {}), load(hooks(A, more='[log]\nlevel = "debug"'), {})
    assert are_alike(old, load(hooks(A), {}))
    assert are_alike(old, new)
    assert not are_alike(old, load(hooks(B), {}))
    assert not are_alike(old, load(hooks(A, more=f'[paths."live/*"]\nhooks_url = "{B}"'), {}))


def test_a_path_is_looked_up_once_however_many_events_of_it_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def counted(config: Config, path: str) -> PathSettings:
        asked.append(path)
        return for_path(config, path)

    monkeypatch.setattr("engine.hooks.moves.for_path", counted)
    actions: list[Action] = ["on_unpublish", "on_stop"]
    waiting = [queued(number, url=f"{A}/{number}", action=actions[number % 2]) for number in range(10)]
    moves_of(waiting, Heirs(load(hooks(A), {}), load(hooks(B), {})))
    assert asked == ["live/cam"] * 2
