"""A publisher lives by what a service has let it do, and has one end."""

from typing import Any, cast

import trio
from trio.testing import MockClock

from engine.hooks.notices import AnyNotice, Ended, Held
from engine.hooks.sessions import Holder
from workers.ingest.visit import BITRATE_WINDOW_S, PublisherVisit
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
    assert (visit.name_for("live/cam"), visit.overstep(1e9, 1 << 60)) == ("live/cam", "")
    visit.end("finished")
    assert line.told == []


def test_a_lifetime_ends() -> None:
    visit = visit_of(Line(), lifetime_s=5.0)
    assert [visit.overstep(now_s, 0) for now_s in (4.9, 5.1)] == ["", "lifetime"]


def test_a_burst_is_no_bitrate_and_a_window_full_of_it_is() -> None:
    visit = visit_of(Line(), max_bitrate_bps=8_000)
    rounds = int(BITRATE_WINDOW_S * 2)
    assert visit.overstep(0.5, 500_000) == ""
    assert {visit.overstep(number / 2, 500_000) for number in range(2, rounds)} == {""}
    assert visit.overstep(BITRATE_WINDOW_S, 500_000) == "bitrate"


def test_a_publisher_at_its_limit_stays_for_hours() -> None:
    visit = visit_of(Line(), max_bitrate_bps=8_000)
    assert {visit.overstep(number / 2, 500 * number) for number in range(1, 8_000)} == {""}
    faster = [visit.overstep(4_000 + number / 2, 4_000_000 + 550 * number) for number in range(1, 30)]
    assert faster[-1] == "bitrate"


async def test_the_clock_is_the_roles(autojump_clock: MockClock) -> None:
    visit = PublisherVisit(HandedVisit("s1", "live/cam", 1.0, 0), cast("Any", Line()), trio.current_time())
    assert visit.overstep(trio.current_time(), 0) == ""
    await trio.sleep(2)
    assert visit.overstep(trio.current_time(), 0) == "lifetime"
