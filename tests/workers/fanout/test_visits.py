"""Clients as webhooks know them: nobody gets in twice, and whoever got in has one end."""

from collections import deque
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock

from engine.config import Config, PathSettings, for_path, load
from engine.config.tree import Hooks
from engine.hooks.notices import AnyNotice, Ended
from engine.hooks.reply import Limits, Verdict
from engine.hooks.sessions import Holder, Session
from workers.fanout.connection import PeerGone
from workers.fanout.exchange import Exchange
from workers.fanout.guard import Guard
from workers.fanout.hls_players import VIEWER_S
from workers.fanout.hls_visits import DENIED_S, HlsVisits
from workers.fanout.holds import Unanswerable
from workers.fanout.visits import DENIED, SORRY, Denied, Visit, Visits, Who
from workers.runtime.hook_line import UNANSWERED

WHO = Who("fanout0-aa", "fanout0-aa", "[2001:db8::1]:5000", "rtmp", "token=s3cret&start=live")
LOG = cast(
    "Any", SimpleNamespace(info=lambda _event, **_fields: None, warning=lambda _event, **_fields: None)
)
FOLLOWED = '[hooks]\nurl = "http://hooks.example/"\n'


class Line:
    """Answers as told, after a while; remembers who was asked about and what was told."""

    holder = Holder(1, 2, 3)

    def __init__(self) -> None:
        self.verdicts: deque[Verdict] = deque()
        self.asked: list[Session] = []
        self.told: list[AnyNotice] = []
        self.takes_s = 0.0

    async def begin(self, session: Session, _hooks: Hooks, _patience_s: float) -> Verdict:
        self.asked.append(session)
        await trio.sleep(self.takes_s)
        return self.verdicts.popleft() if self.verdicts else Verdict(allowed=True)

    def tell(self, notice: AnyNotice) -> None:
        self.told.append(notice)

    @property
    def ends(self) -> list[str]:
        return [notice.reason for notice in self.told if isinstance(notice, Ended)]


def visits_of(line: Line | None, text: str = FOLLOWED, guard: Guard | None = None) -> Visits:
    config = load(text, {})

    def settings_for(name: str) -> PathSettings:
        return for_path(config, name)

    return Visits(cast("Any", line), settings_for, LOG, (guard or Guard.open()).undecided)


def players_of(line: Line | None, text: str = FOLLOWED, guard: Guard | None = None) -> HlsVisits:
    guard = guard or Guard.open()
    return HlsVisits(visits_of(line, text, guard), "fanout0", LOG, guard.guests)


@pytest.fixture
def line() -> Line:
    return Line()


async def test_where_nobody_follows_a_visit_is_nothing(line: Line) -> None:
    visit = await visits_of(line, "").begin("play", "live/cam", WHO)
    visit.end("closed")
    assert (visit.name, visit.handed(), line.asked, line.told) == ("live/cam", None, [], [])


async def test_a_service_hears_of_the_client_without_its_secrets(line: Line) -> None:
    await visits_of(line).begin("play", "live/cam", WHO)
    (session,) = line.asked
    assert (session.ip, session.param, session.client_id) == (
        "2001:db8::1",
        "token=***&start=live",
        "fanout0-aa",
    )
    await visits_of(line, FOLLOWED + 'params = "whole"').begin("play", "live/cam", WHO)
    assert line.asked[1].param == WHO.query


async def test_two_visits_on_one_connection_are_two(line: Line) -> None:
    visits = visits_of(line)
    first, second = [await visits.begin("play", "live/cam", WHO) for _ in range(2)]
    assert first.session_id != second.session_id


async def test_a_visit_ends_once(line: Line) -> None:
    visit = await visits_of(line).begin("play", "live/cam", WHO)
    visit.end("closed", 2.5, 100)
    visit.end("error")
    assert line.told == [Ended(visit.session_id, "closed", 2.5, 100)]


async def test_who_is_refused_hears_why(line: Line) -> None:
    line.verdicts.extend([Verdict(allowed=False, reason="not you"), Verdict(allowed=False)])
    line.verdicts.append(Verdict(allowed=False, answered=False))
    words = []
    for _ in range(3):
        with pytest.raises(Denied) as denied:
            await visits_of(line).begin("publish", "live/cam", WHO)
        words.append((denied.value.reason, str(denied.value)))
    assert words[:2] == [(DENIED, "not you"), (DENIED, SORRY)]
    assert words[2][0] == UNANSWERED


async def test_what_stands_in_the_way_of_who_was_let_in_is_the_end_of_the_visit(line: Line) -> None:
    visit = await visits_of(line).begin("play", "live/cam", WHO)
    with pytest.raises(PeerGone), visit.until_in():
        raise PeerGone
    assert line.ends == ["connection_lost"]


async def test_who_leaves_before_the_answer_has_an_end_too(line: Line, autojump_clock: MockClock) -> None:
    line.takes_s = 2.0
    with trio.move_on_after(1):
        await visits_of(line).begin("play", "live/cam", WHO)
    assert len(line.ends) == 1


async def test_a_publisher_takes_its_limits_along_and_its_end_is_anothers_to_tell(line: Line) -> None:
    line.verdicts.append(Verdict(allowed=True, stream="vip/one", lifetime_s=60, limits=Limits(5)))
    visit = await visits_of(line).begin("publish", "live/cam", WHO)
    handed = visit.handed()
    assert handed is not None
    assert (handed.stream, handed.lifetime_s, handed.max_bitrate_bps) == ("vip/one", 60, 5)
    visit.pass_on()
    visit.end("error")
    assert line.told == []


async def test_a_visit_is_over_when_its_time_is(line: Line, autojump_clock: MockClock) -> None:
    line.verdicts.append(Verdict(allowed=True, lifetime_s=10))
    visit = await visits_of(line).begin("play", "live/cam", WHO)
    assert not visit.is_over(trio.current_time() + 9)
    assert visit.is_over(trio.current_time() + 11)
    assert not Visit("live/cam").is_over(1e12)


# -- players of HLS


def asks(host: str = "192.0.2.1", agent: str = "hls.js") -> Exchange:
    """A request that came through a proxy, which alone knows the port."""
    request = SimpleNamespace(user_agent=agent, request_id="")
    return cast("Exchange", SimpleNamespace(host=host, remote=host, request=request, request_id="r1"))


async def test_a_player_of_hls_is_asked_about_once(line: Line, autojump_clock: MockClock) -> None:
    players = players_of(line)
    line.takes_s = 1.0
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(players.check, "live/cam", asks(), "a=1")
    for _ in range(3):
        await trio.sleep(VIEWER_S - 1)
        players.sweep()
        await players.check("live/cam", asks(), "")
    assert [(one.ip, one.protocol, one.param) for one in line.asked] == [("192.0.2.1", "hls", "a=1")]
    assert line.told == []


@pytest.mark.parametrize("address", ["2001:db8::1", "2001:db8:1:2:3:4:5:6"])
async def test_a_service_hears_of_the_very_address_of_a_player_of_hls_behind_a_proxy(
    line: Line, address: str
) -> None:
    await players_of(line).check("live/cam", asks(address), "")
    assert [session.ip for session in line.asked] == [address]


async def test_one_who_is_let_in_while_the_worker_drains_has_an_end_and_goes_elsewhere(
    line: Line, autojump_clock: MockClock
) -> None:
    players, answers = players_of(line), list[int]()
    line.takes_s = 2.0

    async def ask() -> None:
        with pytest.raises(Unanswerable) as refused:
            await players.check("live/cam", asks(), "")
        answers.append(refused.value.status)

    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(ask)
        await trio.sleep(1)
        players.end_all()
        assert line.ends == []
    await ask()
    assert answers == [503] * 3
    assert line.ends == ["drained"]
    assert len(line.asked) == 1
    assert list(players) == []


async def test_a_player_of_hls_that_asks_no_more_has_gone(line: Line, autojump_clock: MockClock) -> None:
    players = players_of(line)
    await players.check("live/cam", asks(), "")
    await trio.sleep(VIEWER_S + 1)
    players.sweep()
    assert line.ends == ["closed"]
    await players.check("live/cam", asks(), "")
    players.end_all()
    assert line.ends == ["closed", "drained"]
    assert len(line.asked) == 2


async def test_others_at_the_same_address_and_other_streams_are_asked_about_apart(
    line: Line, autojump_clock: MockClock
) -> None:
    players = players_of(line)
    for name, agent in (("live/cam", "hls.js"), ("live/cam", "VLC"), ("live/other", "VLC")):
        await players.check(name, asks(agent=agent), "")
    assert len(line.asked) == 3


async def test_a_refused_player_of_hls_is_refused_for_a_while_and_asked_about_again(
    line: Line, autojump_clock: MockClock
) -> None:
    players = players_of(line)
    line.verdicts.append(Verdict(allowed=False, reason="not you"))
    for _ in range(3):
        with pytest.raises(Unanswerable, match="not you") as refused:
            await players.check("live/cam", asks(), "")
        assert refused.value.status == 403
    await trio.sleep(DENIED_S + 1)
    await players.check("live/cam", asks(), "")
    assert len(line.asked) == 2


async def test_a_player_of_hls_stays_no_longer_than_it_may(line: Line, autojump_clock: MockClock) -> None:
    players = players_of(line)
    line.verdicts.append(Verdict(allowed=True, lifetime_s=5))
    await players.check("live/cam", asks(), "")
    await trio.sleep(6)
    for _ in range(2):
        with pytest.raises(Unanswerable, match="over"):
            await players.check("live/cam", asks(), "")
    assert line.ends == ["lifetime"]


async def test_one_that_leaves_before_the_answer_costs_those_who_wait_with_it_nothing(
    line: Line, autojump_clock: MockClock
) -> None:
    players = players_of(line)
    line.takes_s = 2.0
    async with trio.open_nursery() as nursery:
        with trio.move_on_after(1):
            nursery.start_soon(wait_for_it, players)
            await players.check("live/cam", asks(), "")
    players.end_all()
    assert len(line.ends) == len(line.asked) == 2


async def wait_for_it(players: HlsVisits) -> None:
    await trio.sleep(0.5)
    await players.check("live/cam", asks(), "")


async def test_without_hooks_players_of_hls_are_nobody(line: Line) -> None:
    await players_of(line, "").check("live/cam", asks(), "")
    await players_of(None).check("live/cam", asks(), "")
    assert line.asked == []
    assert not Config().hooks.url.urls
