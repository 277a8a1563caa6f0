"""How long an answer took: all of it but the wait for media that was still to come."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.protocols.hls.request import Directives
from engine.protocols.http import Route
from workers.fanout import exchange, http1_exchange, quick_answers
from workers.fanout.http1_exchange import Http1Exchange
from workers.fanout.quick_answers import Reload

ANYTHING = cast("Any", None)


class Clock:
    """Stands still until the test moves it."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (exchange, http1_exchange, quick_answers):
        monkeypatch.setattr(module, "time", clock)
    return clock


def test_what_was_decided_before_the_wait_counts(clock: Clock) -> None:
    asked = Http1Exchange(ANYTHING, ANYTHING, "192.0.2.1")
    clock.now_s += 3  # at the gate
    with exchange.waiting(asked):
        clock.now_s += 10
    clock.now_s += 1
    assert clock.now_s - asked.began_s == 4


def test_a_wait_that_ends_badly_is_left_out_as_well(clock: Clock) -> None:
    asked = Http1Exchange(ANYTHING, ANYTHING, "192.0.2.1")

    def wait_in_vain() -> None:
        with exchange.waiting(asked):
            clock.now_s += 10
            raise LookupError

    with pytest.raises(LookupError):
        wait_in_vain()
    assert clock.now_s - asked.began_s == 0


async def test_the_same_of_a_playlist_that_its_shelf_holds(clock: Clock) -> None:
    asked, ended = Http1Exchange(ANYTHING, ANYTHING, "192.0.2.1"), list[Reload]()
    clock.now_s += 3
    shelf = cast("Any", SimpleNamespace(patience_s=5.0))
    held = Reload(asked, cast("Route", None), shelf, Directives(msn=1, part=0), ended.append)
    clock.now_s += 10
    held.end()
    held.end()
    assert ended == [held]
    assert clock.now_s - asked.began_s == 3
