"""The spool in a real folder: nothing is lost with a process, and a full or broken disk costs what it
must."""

import os
from pathlib import Path

import pytest
import trio

from engine.hooks.notices import Ended
from tests.workers.control.hooks.office import MIB, SmallOffice, config_of, session, small_office
from tests.workers.control.hooks.services import FakeService, hangs, is_down, says
from workers.control.hooks.folder import InUse, folder_for, lock
from workers.control.hooks.segment_file import numbers_in, path_of
from workers.runtime.outgoing import Reply


async def test_what_was_queued_is_sent_by_the_next_process(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    async with small_office(tmp_path, FakeService(), sends=False) as first:
        await first.ask(session())
        await first.tell(Ended("s1", "finished"))
    heir = FakeService()
    async with small_office(tmp_path, heir) as second:
        await second.until_empty()
    assert [(body["action"], body["sequence"]) for body in heir.taken] == [("on_unpublish", 2)]


async def test_what_was_delivered_is_not_sent_again(tmp_path: Path, autojump_clock: trio.abc.Clock) -> None:
    async with small_office(tmp_path, FakeService()) as first:
        await first.ask(session())
        await first.tell(Ended("s1", "finished"))
        await first.until_empty()
        await trio.sleep(1)
    heir = FakeService()
    async with small_office(tmp_path, heir) as second:
        await trio.sleep(1)
        assert len(second.lanes) == 0
    assert heir.calls == []


async def test_open_sessions_and_sequences_go_on(tmp_path: Path, autojump_clock: trio.abc.Clock) -> None:
    async with small_office(tmp_path, FakeService()) as first:
        await first.ask(session(1))
        await first.ask(session(2, "play"))
    heir = FakeService()
    async with small_office(tmp_path, heir) as second:
        assert second.open_sessions() == {"s1", "s2"}
        await second.tell(Ended("s2", "closed"), Ended("s1", "finished"))
        await second.until_empty()
    assert [(body["action"], body["sequence"]) for body in heir.taken] == [
        ("on_stop", 3),
        ("on_unpublish", 4),
    ]


async def test_a_name_that_a_service_gives_counts_its_own_events_after_the_next_start_too(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    service = FakeService(says(200, b'{"code": 0, "stream": "vip/one"}'))
    async with small_office(tmp_path, service, sends=False) as first:
        for number in range(1, 5):
            await first.ask(session(number))
        await first.tell(Ended("s1", "finished"))
    heir = FakeService()
    async with small_office(tmp_path, heir) as second:
        await second.tell(Ended("s2", "finished"))
        await second.ask(session(5))
        await second.until_empty()
    assert {(body["name"], body["action"], body["sequence"]) for body in heir.taken} == {
        ("live/cam", "on_publish", 5),
        ("vip/one", "on_unpublish", 1),
        ("vip/one", "on_unpublish", 2),
    }


async def test_a_torn_tail_has_what_was_not_yet_confirmed_told_again_and_nothing_else(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    async with small_office(tmp_path, FakeService(), sends=False) as first:
        for number in range(1, 4):
            await first.ask(session(number))
            await first.tell(Ended(f"s{number}", "finished"))
    (newest,) = numbers_in(tmp_path)
    path = path_of(tmp_path, newest)
    os.truncate(path, path.stat().st_size - 5)
    heir = FakeService()
    async with small_office(tmp_path, heir) as second:
        assert second.open_sessions() == {"s3"}
        await second.tell(Ended("s3", "finished"))
        await second.until_empty()
    assert [body["client_id"] for body in heir.taken] == ["c1", "c2", "c3", "c3"]
    assert [body["event_id"] for body in heir.taken][2:] == ["s3.end", "s3.end"]


async def test_a_folder_full_of_garbage_keeps_nobody_from_working(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    (tmp_path / "000000000003.events").write_bytes(os.urandom(5000))
    (tmp_path / "README").write_text("not ours")
    service = FakeService()
    async with small_office(tmp_path, service) as office:
        assert (await office.ask(session())).allowed
        await office.tell(Ended("s1", "finished"))
        await office.until_empty()
    assert service.actions() == ["on_publish", "on_unpublish"]


async def test_files_go_when_all_in_them_has_arrived(tmp_path: Path, autojump_clock: trio.abc.Clock) -> None:
    async with small_office(tmp_path, FakeService(), limit_bytes=MIB) as office:
        for number in range(1000):
            await office.tell(*(await started_and_ended(office, number)))
        await office.until_empty()
        await office.ask(session(5000))
        assert len(numbers_in(tmp_path)) <= 2
        assert office.spool.segments.total_bytes < MIB // 4


async def started_and_ended(office: SmallOffice, number: int) -> list[Ended]:
    await office.ask(session(number))
    return [Ended(f"s{number}", "finished")]


async def test_a_full_spool_drops_its_oldest_and_stays_within_its_limit(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    service = FakeService()
    async with small_office(tmp_path, service, limit_bytes=MIB, sends=False) as office:
        for number in range(3000):
            await office.tell(*(await started_and_ended(office, number)))
        assert office.dropped == list(range(1, len(office.dropped) + 1))
        assert len(office.dropped) > 0
        files_bytes = sum(path_of(tmp_path, number).stat().st_size for number in numbers_in(tmp_path))
        assert files_bytes <= MIB + MIB // 8
        kept = sorted(office.spool.book.pending)
        assert kept == list(range(len(office.dropped) + 1, 3001))
    heir = FakeService()
    async with small_office(tmp_path, heir, limit_bytes=MIB, sends=False) as second:
        assert sorted(second.spool.book.pending) == kept


async def test_one_event_that_nobody_takes_does_not_keep_all_that_came_after_it(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    config = config_of(
        '[hooks]\nurl = "http://up.example/"\n[paths."live/stuck"]\nhooks_url = "http://down.example/"'
    )

    async def behave(body: bytes) -> Reply:
        stuck = b'"stuck"' in body and b"on_unpublish" in body
        return await (is_down(body) if stuck else says(200)(body))

    service = FakeService(behave)
    async with small_office(tmp_path, service, config, limit_bytes=MIB) as office:
        await office.ask(session(0, stream="live/stuck"))
        await office.tell(Ended("s0", "finished"))
        for number in range(1, 2500):
            await office.tell(*(await started_and_ended(office, number)))
            if number % 50 == 0:
                await until_one_is_left(office)
        await until_one_is_left(office)
        assert office.dropped == []
        assert [event.stream for event in office.spool.book.pending.values()] == ["live/stuck"]
        assert office.spool.segments.total_bytes <= MIB


async def until_one_is_left(office: SmallOffice) -> None:
    while len(office.lanes) > 1:  # noqa: ASYNC110 - the sender tells nobody
        await trio.sleep(0.01)


async def test_a_disk_that_cannot_be_written_costs_no_event_of_this_process(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    not_a_folder = tmp_path / "file"
    not_a_folder.write_text("")
    service = FakeService()
    async with small_office(not_a_folder, service) as office:
        assert (await office.ask(session())).allowed
        await office.tell(Ended("s1", "finished"))
        await office.until_empty()
        assert office.counts.counted["spool_errors"] == 1
    assert service.actions() == ["on_publish", "on_unpublish"]


async def test_memory_is_bounded_as_the_disk_is(tmp_path: Path, autojump_clock: trio.abc.Clock) -> None:
    not_a_folder = tmp_path / "file"
    not_a_folder.write_text("")
    async with small_office(not_a_folder, FakeService(), limit_bytes=MIB, sends=False) as office:
        for number in range(3000):
            await office.tell(*(await started_and_ended(office, number)))
        assert office.dropped
        assert office.spool.segments.total_bytes <= MIB + MIB // 8


async def test_a_service_that_hangs_holds_up_no_write(tmp_path: Path, autojump_clock: trio.abc.Clock) -> None:
    async with small_office(tmp_path, FakeService(hangs)) as office:
        await office.ask(session(1, "play"))
        began_s = trio.current_time()
        for _ in range(100):
            await office.tell(Ended("unknown", "finished"))
        assert trio.current_time() == began_s


def test_a_folder_belongs_to_one_engine(tmp_path: Path) -> None:
    held = lock(tmp_path / "hooks")
    with pytest.raises(InUse):
        lock(tmp_path / "hooks")
    os.close(held)
    os.close(lock(tmp_path / "hooks"))
    assert (tmp_path / "hooks").stat().st_mode & 0o777 == 0o700


def test_the_folder_is_where_the_system_wants_a_programs_state() -> None:
    assert folder_for("/srv/spool", {"STATE_DIRECTORY": "/x"}) == Path("/srv/spool")
    assert folder_for("", {"STATE_DIRECTORY": "/var/lib/fanlight:/b"}) == Path("/var/lib/fanlight/hooks")
    assert folder_for("", {"HOME": "/home/me"}) == Path("/home/me/.local/state/fanlight/hooks")
    assert folder_for("", {"XDG_STATE_HOME": "/s", "HOME": "/h"}) == Path("/s/fanlight/hooks")
