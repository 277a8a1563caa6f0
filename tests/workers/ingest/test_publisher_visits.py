"""A publisher lives by what a service has let it do, and has one end."""

from typing import Any, cast

import trio
from trio.testing import MockClock

from engine.hooks.notices import AnyNotice, Ended, Held
from engine.hooks.sessions import Holder
from workers.ingest.visit import PublisherVisit
from workers.runtime.messages import HandedVisit

HOLDER = Holder(0, 1, 2)


class Line:
    holder = HOLDER

    def __init__(self) -> None:
        self.told: list[AnyNotice] = []

    def tell(self, notice: AnyNotice) -> None:
        self.told.append(notice)


def visit_of(line: Line, *, lifetime_s: float = 0.0, max_bitrate_bps: int = 0) -> PublisherVisit:
    handed = HandedVisit("s1", "vip/one", lifetime_s, max_bitrate_bps)
    return PublisherVisit(handed, cast("Any", line), 0.0)


def test_ingest_says_that_it_has_the_publisher_and_then_one_end() -> None:
    line = Line()
    visit = visit_of(line)
    assert visit.name_for("live/cam") == "vip/one"
    visit.end("finished", 2.0, 10)
    visit.end("error")
    assert line.told == [Held("s1", HOLDER), Ended("s1", "finished", 2.0, 10)]


def test_a_publisher_that_nobody_follows_is_left_alone() -> None:
    line = Line()
    visit = PublisherVisit(None, cast("Any", line), 0.0)
    assert (visit.name_for("live/cam"), visit.max_bitrate_bps, visit.is_over(1e9)) == ("live/cam", 0, False)
    visit.end("finished")
    assert line.told == []


def test_a_lifetime_ends() -> None:
    visit = visit_of(Line(), lifetime_s=5.0)
    assert [visit.is_over(now_s) for now_s in (4.9, 5.1)] == [False, True]


def test_without_a_lifetime_there_is_no_end() -> None:
    assert not visit_of(Line()).is_over(1e12)


def test_a_bitrate_is_handed_on_to_who_oversees() -> None:
    assert visit_of(Line(), max_bitrate_bps=8_000).max_bitrate_bps == 8_000


async def test_the_clock_is_the_roles(autojump_clock: MockClock) -> None:
    visit = PublisherVisit(HandedVisit("s1", "live/cam", 1.0, 0), cast("Any", Line()), trio.current_time())
    assert not visit.is_over(trio.current_time())
    await trio.sleep(2)
    assert visit.is_over(trio.current_time())
