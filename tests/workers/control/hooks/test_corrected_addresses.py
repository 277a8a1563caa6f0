"""A service's address changes while events wait for it."""

from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs

from engine.config import Config
from engine.hooks.notices import Began, Ended
from tests.workers.control.hooks.office import SmallOffice, config_of, session, small_office
from tests.workers.control.hooks.services import FakeService, hangs, is_down, says
from workers.control.hooks import readdress
from workers.runtime.outgoing import Reply

WRONG, RIGHT, OTHER = (f"http://{name}.example/hook" for name in ("wrong", "right", "other"))


def told(*urls: str) -> Config:
    return config_of(f'[hooks]\nurl = "{" ".join(urls)}"')


async def ten_events(office: SmallOffice) -> list[str]:
    """Of two streams; their ids in the order of their numbers."""
    for number in range(5):
        one = session(number, "play", f"live/{number % 2}")
        await office.tell(Began(one), Ended(one.id, "closed"))
    assert len(office.spool.book.pending) == 10
    return [event.event_id for event in office.spool.book.pending.values()]


async def test_what_waits_for_a_wrong_address_is_sent_to_the_right_one_in_order(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    service = FakeService(is_down)
    async with small_office(tmp_path, service, told(WRONG)) as office:
        ids = await ten_events(office)
        await trio.sleep(30)
        service.behave, service.calls = says(200), []
        with capture_logs() as lines:
            await office.reload(told(RIGHT))
        await office.tell(Began(session(9, "play", "live/0")))
        await office.until_empty()
        assert office.figures.delivered == 11
    assert {url for url, *_ in service.calls} == {RIGHT}
    assert sorted(str(body["event_id"]) for body in service.taken) == sorted([*ids, "s9.start"])
    for name in ("live/0", "live/1"):
        numbers = [body["sequence"] for body in service.taken if body["name"] == name]
        assert numbers == list(range(1, len(numbers) + 1))
    assert lines == [{"event": "hook_events_moved", "log_level": "info", "url": RIGHT, "count": 10}]


async def test_what_is_queued_while_many_are_moved_comes_after_them_and_nothing_is_removed(
    tmp_path: Path, autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readdress, "AT_A_TIME", 1)
    service = FakeService(is_down)
    async with small_office(tmp_path, service, told(WRONG)) as office, trio.open_nursery() as nursery:
        await ten_events(office)
        await trio.sleep(30)
        service.behave, service.calls = says(200), []
        nursery.start_soon(office.reload, told(RIGHT))
        while office.lanes.waiting().get(RIGHT, 0) < 3:
            await trio.lowlevel.checkpoint()
        assert office.lanes.waiting()[WRONG] > 0
        office.desk.take([Began(session(8, "play", "live/0")), Began(session(9, "play", "live/1"))])
        await office.until_empty()
        assert (office.figures.delivered, office.figures.removed) == (12, 0)
    assert {url for url, *_ in service.calls} == {RIGHT}
    for name in ("live/0", "live/1"):
        numbers = [body["sequence"] for body in service.taken if body["name"] == name]
        assert numbers == list(range(1, len(numbers) + 1))


async def test_an_event_that_is_taken_the_moment_before_addresses_change_is_moved_too(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    service = FakeService()
    async with small_office(tmp_path, service, told(WRONG)) as office:
        office.desk.take([Began(session(1, "play"))])
        while office.lanes.next_s() is not None:
            await trio.lowlevel.checkpoint()
        await office.reload(told(RIGHT))
        await office.until_empty()
        assert (office.figures.delivered, office.figures.removed) == (1, 0)
    assert [url for url, *_ in service.calls] in ([RIGHT], [WRONG, RIGHT])


async def test_what_waits_is_where_it_belongs_after_the_next_start_too(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    async with small_office(tmp_path, FakeService(), told(WRONG), sends=False) as first:
        await ten_events(first)
        await first.reload(told(RIGHT))
        await first.spool.append()
    heir = FakeService()
    async with small_office(tmp_path, heir, told(RIGHT)) as second:
        await second.until_empty()
    assert [url for url, *_ in heir.calls] == [RIGHT] * 10


async def test_an_event_that_is_on_its_way_while_its_address_changes_is_sent_to_the_new_one(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    async def behave(_body: bytes) -> Reply:
        url, *_ = service.calls[-1]
        return await (hangs if url == WRONG else says(200))(b"")

    service = FakeService(behave)
    async with small_office(tmp_path, service, told(WRONG)) as office:
        await office.tell(Began(session(1, "play")))
        await trio.sleep(0.1)
        assert [url for url, *_ in service.calls] == [WRONG]
        await office.reload(told(RIGHT))
        await office.until_empty()
        await trio.sleep(60)
        assert len(office.lanes) == 0
        assert not office.spool.book.pending
    assert [url for url, *_ in service.calls] == [WRONG, RIGHT]


async def test_what_waits_for_a_service_that_is_taken_away_is_sent_to_nobody_and_told_of(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    service = FakeService(is_down)
    async with small_office(tmp_path, service, told(WRONG + "?key=of-the-service")) as office:
        await ten_events(office)
        service.behave, service.calls = says(200), []
        with capture_logs() as lines:
            await office.reload(told(RIGHT, OTHER))
        await office.until_empty()
        assert (office.figures.removed, office.figures.dropped, office.figures.delivered) == (10, 0, 0)
    assert service.calls == []
    assert lines == [{"event": "hook_events_removed", "log_level": "warning", "url": WRONG, "count": 10}]
