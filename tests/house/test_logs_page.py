"""docs/logs.md tells every line that the source may log, and no other."""

import ast
import re
from typing import Final, NamedTuple

from tests.house.log_calls import LEVELS, LogCall, bound_fields, is_logger, log_calls
from tests.house.source import ROOT, modules
from workers.fanout.player import PlayerState

PAGE: Final = (ROOT / "docs" / "logs.md").read_text()
A_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
ORDER: Final = ("trace", "debug", "info", "warning", "error", "critical")
OF_EVERY_LINE: Final = {"at", "level", "event", "worker", "request_id", "trace_id", "exception"}


class Row(NamedTuple):
    """One event as the page tells it."""

    levels: list[str]
    fields: set[str]
    meaning: str


def tables(header: str) -> list[list[str]]:
    """The cells of all rows below headers that begin so."""
    found: list[list[str]] = []
    inside = False
    for line in PAGE.splitlines():
        if line.startswith(header):
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside and not line.startswith("| ---"):
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def events() -> dict[str, Row]:
    rows = tables("| Event |")
    assert len({cells[0] for cells in rows}) == len(rows)
    return {
        event.strip("`"): Row(levels.split(", "), set(re.findall(r"`(\w+)`", fields)), meaning)
        for event, levels, fields, meaning in rows
    }


def calls_by_event() -> dict[str, list[LogCall]]:
    calls: dict[str, list[LogCall]] = {}
    for call in log_calls():
        calls.setdefault(call.event, []).append(call)
    return calls


def test_the_page_has_every_event_and_no_other() -> None:
    assert events().keys() == calls_by_event().keys()
    assert all(row.meaning for row in events().values())


def test_every_event_has_a_name_of_one_form() -> None:
    """In one word: a search finds it whole, and it is a label's value in the metrics as it stands."""
    assert [f"{call.where} {call.event}" for call in log_calls() if not A_NAME.fullmatch(call.event)] == []


def test_the_page_tells_each_event_s_levels() -> None:
    told = {event: row.levels for event, row in events().items()}
    used = {event: {call.level for call in calls} for event, calls in calls_by_event().items()}
    assert told == {event: sorted(levels, key=ORDER.index) for event, levels in used.items()}


def test_the_page_tells_each_event_s_fields() -> None:
    wrong = {}
    for event, calls in calls_by_event().items():
        told = events()[event].fields
        used = set[str]().union(*(call.fields for call in calls))
        may_have_more = any(call.has_more for call in calls)
        if used - told or (told - used and not may_have_more and not told - used <= bound_fields()):
            wrong[event] = told ^ used
    assert wrong == {}


def test_the_page_explains_every_field_that_it_names_and_no_other() -> None:
    explained = [cells[0].strip("`") for cells in tables("| Field |")]
    assert len(explained) == len(set(explained))
    assert set(explained) == OF_EVERY_LINE | set[str]().union(*(row.fields for row in events().values()))


def test_the_page_has_every_state_that_a_player_can_begin_with() -> None:
    explained = {cells[0].strip("`"): cells[1] for cells in tables("| Field |")}
    states = [state.value for state in PlayerState if state is not PlayerState.DONE]
    assert [state for state in states if f"`{state}`" not in explained["state"]] == []


def test_every_event_is_said_where_it_can_be_found() -> None:
    """No method of a logger goes by another name."""
    strays = []
    for module in modules("workers"):
        called = {id(node.func) for node in ast.walk(module.tree) if isinstance(node, ast.Call)}
        strays += [
            f"{module.name}:{node.lineno}"
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Attribute)
            and node.attr in LEVELS
            and is_logger(node.value)
            and id(node) not in called
        ]
    assert strays == []
