"""What one address may have of those whom hook services are asked about: it cannot fill what is for all."""

import contextlib
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from engine.config import Config, load
from engine.hooks.reply import Verdict
from engine.protocols.http import http1_head
from tests.workers.fanout.http_stage import MEDIA, NAME, HttpStage, staged
from tests.workers.fanout.test_visits import FOLLOWED, WHO, Line, asks, players_of, visits_of
from workers.fanout import guard as guards
from workers.fanout import hls_visits
from workers.fanout.admission import Admission, Refused
from workers.fanout.guard import Guard
from workers.fanout.hls_players import VIEWER_S
from workers.fanout.hls_visits import ADDRESS_PLAYERS, TOO_MANY_PLAYERS, Crowded
from workers.fanout.holds import Unanswerable
from workers.fanout.visits import UNDECIDED, Denied, Visits
from workers.runtime.hook_line import HookLine

HERE, THERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def guard(monkeypatch: pytest.MonkeyPatch) -> Guard:
    monkeypatch.setattr(guards, "MAX_UNDECIDED", 3)
    return Guard(load("[addresses]\nmax_connections = 5\nmax_handshakes_per_s = 0", {}), 1, None)


async def ask_without_end(visits: Visits, nursery: trio.Nursery, count: int) -> None:
    for _ in range(count):
        nursery.start_soon(visits.begin, "play", NAME, WHO._replace(remote=f"{HERE}:5000"))
    await trio.sleep(0.1)


async def test_players_of_one_address_wait_for_a_decision_only_so_many_at_a_time(
    line: Line, guard: Guard, autojump_clock: MockClock
) -> None:
    visits, line.takes_s = visits_of(line, guard=guard), 10
    async with trio.open_nursery() as nursery:
        await ask_without_end(visits, nursery, 3)
        with pytest.raises(Denied) as denied:
            await visits.begin("play", NAME, WHO._replace(remote=f"{HERE}:6000"))
        assert denied.value.reason == UNDECIDED
        assert (len(line.asked), line.told) == (3, [])
        line.takes_s = 0
        await visits.begin("play", NAME, WHO._replace(remote=f"{THERE}:5000"))
        await visits.begin("publish", NAME, WHO._replace(remote=f"{HERE}:5000"))
        await trio.sleep(10)
        await visits.begin("play", NAME, WHO._replace(remote=f"{HERE}:5000"))


async def test_an_address_is_asked_about_no_more_often_than_it_may_connect(
    line: Line, guard: Guard, autojump_clock: MockClock
) -> None:
    guard.configure(load("[addresses]\nmax_handshakes_per_s = 2", {}))
    visits, refused = visits_of(line, guard=guard), 0
    for _ in range(20):
        try:
            await visits.begin("play", NAME, WHO._replace(remote=f"{HERE}:5000"))
        except Denied:
            refused += 1
    assert (len(line.asked), refused) == (4, 16)
    await trio.sleep(1)
    await visits.begin("play", NAME, WHO._replace(remote=f"{HERE}:5000"))


async def test_who_gives_up_makes_room(line: Line, guard: Guard, autojump_clock: MockClock) -> None:
    visits, line.takes_s = visits_of(line, guard=guard), 10
    async with trio.open_nursery() as nursery:
        await ask_without_end(visits, nursery, 3)
        nursery.cancel_scope.cancel()
    line.takes_s = 0
    assert (await visits.begin("play", NAME, WHO._replace(remote=f"{HERE}:5000"))).name == NAME


async def test_addresses_that_are_exempt_wait_in_any_number(
    line: Line, guard: Guard, autojump_clock: MockClock
) -> None:
    guard.configure(load(f'[addresses]\nexempt = "{HERE}/32"', {}))
    visits, line.takes_s = visits_of(line, guard=guard), 1
    async with trio.open_nursery() as nursery:
        await ask_without_end(visits, nursery, 20)
    assert len(line.asked) == 20


async def test_players_over_http_are_told_to_come_back() -> None:
    async def begin(*_: object) -> None:
        raise Denied(UNDECIDED, "later")

    visits, worker = SimpleNamespace(begin=begin), SimpleNamespace(config=Config())
    audience = cast("Any", SimpleNamespace(visits=visits, worker=worker))
    with pytest.raises(Refused) as refused:
        await Admission(audience, "the id").admit(NAME, WHO)
    assert (refused.value.status, refused.value.reason) == (429, UNDECIDED)
    assert b"Retry-After: 10\r\n" in http1_head(refused.value.answer.head, keep_alive=False)


# -- players of HLS


async def test_an_address_may_be_so_many_players_of_hls_whatever_they_call_themselves(
    line: Line, guard: Guard, autojump_clock: MockClock
) -> None:
    players = players_of(line, guard=guard)
    for number in range(5):
        await players.check(NAME, asks(HERE, f"agent {number}"), "")
    for number in range(5, 50):
        with pytest.raises(Crowded) as crowded:
            await players.check(NAME, asks(HERE, f"agent {number}"), "")
        assert (crowded.value.status, crowded.value.reason) == (429, ADDRESS_PLAYERS)
    await players.check(NAME, asks(HERE, "agent 3"), "")
    await players.check(NAME, asks(THERE, "agent 1"), "")
    assert len(line.asked) == 6
    await trio.sleep(VIEWER_S + 1)
    players.sweep()
    await players.check(NAME, asks(HERE, "agent 9"), "")


async def test_who_was_refused_counts_for_as_long_as_that_holds(
    line: Line, guard: Guard, autojump_clock: MockClock
) -> None:
    players = players_of(line, guard=guard)
    line.verdicts.extend([Verdict(allowed=False)] * 5)
    for number in range(20):
        with contextlib.suppress(Unanswerable):
            await players.check(NAME, asks(HERE, f"agent {number}"), "")
    assert len(line.asked) == 5


async def test_one_that_could_not_be_asked_about_is_asked_about_the_next_time(
    line: Line, guard: Guard, autojump_clock: MockClock
) -> None:
    players, line.takes_s = players_of(line, guard=guard), 10
    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(players.check, NAME, asks(HERE, f"agent {number}"), "")
        await trio.sleep(0.1)
        with pytest.raises(Crowded) as crowded:
            await players.check(NAME, asks(HERE, "agent 3"), "")
        assert (crowded.value.status, crowded.value.reason) == (429, UNDECIDED)
    await players.check(NAME, asks(HERE, "agent 3"), "")
    assert len(line.asked) == 4


async def test_players_behind_a_proxy_wait_for_a_decision_only_so_many_at_a_time_over_ipv6_too(
    line: Line, guard: Guard, autojump_clock: MockClock
) -> None:
    players, line.takes_s = players_of(line, guard=guard), 10
    address = "2001:db8:1:2:3:4:5:6"
    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(players.check, NAME, asks(address, f"agent {number}"), "")
        await trio.sleep(0.1)
        with pytest.raises(Crowded) as crowded:
            await players.check(NAME, asks(address, "agent 3"), "")
        assert crowded.value.reason == UNDECIDED


async def test_a_worker_that_is_full_says_so_by_another_status(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hls_visits, "MAX_VIEWERS", 1)
    players = players_of(line)
    await players.check(NAME, asks(HERE), "")
    with pytest.raises(Crowded) as crowded:
        await players.check(NAME, asks(THERE), "")
    assert (crowded.value.status, crowded.value.reason) == (503, TOO_MANY_PLAYERS)


# -- names that are only names


def hooked(wait_s: float) -> Config:
    return load(f"{FOLLOWED}\n[play]\nwait_s = {wait_s}", {})


def stage_of(
    folder: Path, line: Line, guard: Guard | None = None, wait_s: float = 0.0
) -> AbstractAsyncContextManager[HttpStage]:
    return staged(folder, hooked(wait_s), guard, cast("HookLine", line))


async def test_no_service_is_asked_about_players_of_streams_that_do_not_exist(
    tmp_path: Path, line: Line
) -> None:
    async with stage_of(tmp_path, line) as stage:
        viewer = stage.connect()
        for path in (".m3u8", "/media.m3u8", "/1a2b-0.m4s"):
            for number in range(5):
                assert (await viewer.get(f"/live/x{number}{path}")).status == 404
        assert line.asked == []
        assert (await viewer.get(MEDIA)).status == 200
        assert [session.stream for session in line.asked] == [NAME]


async def test_a_service_is_asked_as_soon_as_the_stream_is_there(tmp_path: Path, line: Line) -> None:
    line.verdicts.append(Verdict(allowed=False))
    async with stage_of(tmp_path, line, wait_s=600) as stage:
        viewer = stage.connect()
        viewer.ask("/live/new/media.m3u8")
        await wait_all_tasks_blocked()
        assert line.asked == []
        stage.directory.claim("live/new")
        stage.hub.look()
        assert (await viewer.hear()).status == 403
        assert [session.stream for session in line.asked] == ["live/new"]


async def test_players_that_are_too_many_at_one_address_are_counted(
    tmp_path: Path, line: Line, guard: Guard
) -> None:
    async with stage_of(tmp_path, line, guard) as stage:
        viewer = stage.connect()
        answers = [await viewer.get(MEDIA, fields=f"User-Agent: {number}\r\n") for number in range(8)]
        assert [answer.status for answer in answers] == [200] * 5 + [429] * 3
        assert answers[-1].fields["retry-after"] == "1"
        assert stage.report.told["play_refused", "hls", ADDRESS_PLAYERS] == 3
        assert stage.log.events["address_refused"] == 1
        assert len(line.asked) == 5
