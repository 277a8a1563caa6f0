"""What workers ask and tell becomes sessions and events: each start has one end, each event its order."""

from pathlib import Path

import pytest
import trio

from engine.hooks.notices import AnyNotice, Began, Ended, Held, SegmentFinished
from engine.hooks.reply import Limits
from tests.workers.control.hooks.office import (
    FANOUT,
    INGEST,
    URL,
    SmallOffice,
    config_of,
    session,
    small_office,
)
from tests.workers.control.hooks.services import (
    Behaviour,
    FakeService,
    breaks_off,
    hangs,
    is_down,
    is_known_to_be_down,
    says,
)
from workers.control.hooks.watch import GRACE_S, Deaths
from workers.runtime.outgoing import Reply

SEGMENT = SegmentFinished("live/cam/ab-3.m4s", "live/cam", 3, 2.0, "ab-3.m4s", "/live/cam/ab-3.m4s")


async def test_a_publisher_is_asked_about_and_its_end_is_told(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    service = FakeService()
    async with small_office(tmp_path, service) as office:
        assert (await office.ask(session())).answered
        await office.tell(Held("s1", INGEST))
        assert office.spool.book.ledger.open["s1"].holder == INGEST
        await office.tell(Ended("s1", "finished", 2.5, 99))
        await office.until_empty()
    assert service.actions() == ["on_publish", "on_unpublish"]
    assert [body["sequence"] for body in service.taken] == [1, 2]
    assert (service.taken[1]["reason"], service.taken[1]["bytes"]) == ("finished", 99)


async def test_who_was_refused_has_no_end(tmp_path: Path, autojump_clock: trio.abc.Clock) -> None:
    service = FakeService(says(200, b'{"code":1,"reason":"not your slot"}'))
    async with small_office(tmp_path, service) as office:
        verdict = await office.ask(session())
        assert (verdict.allowed, verdict.answered, verdict.reason) == (False, True, "not your slot")
        await office.tell(Ended("s1", "hook_denied"))
        await trio.sleep(1)
        assert office.open_sessions() == set()
    assert service.actions() == ["on_publish"]


async def test_a_renamed_stream_is_told_of_by_its_new_name(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    service = FakeService(says(200, b'{"stream":"vip/one","lifetime_s":60,"limits":{"max_bitrate_bps":5}}'))
    async with small_office(tmp_path, service) as office:
        verdict = await office.ask(session())
        assert (verdict.stream, verdict.lifetime_s, verdict.limits) == ("vip/one", 60, Limits(5))
        await office.tell(Ended("s1", "finished"))
        await office.until_empty()
    end = service.taken[1]
    assert (end["app"], end["stream"], end["asked"], end["sequence"]) == ("vip", "one", "live/cam", 1)


@pytest.mark.parametrize(("kind", "allowed"), [("publish", False), ("play", True)])
@pytest.mark.parametrize("behaviour", [hangs, is_down, breaks_off, is_known_to_be_down, says(500, b"{")])
async def test_without_an_answer_the_policy_decides_in_time(
    tmp_path: Path, autojump_clock: trio.abc.Clock, kind: str, behaviour: Behaviour, *, allowed: bool
) -> None:
    async with small_office(tmp_path, FakeService(behaviour), sends=False) as office:
        began_s = trio.current_time()
        verdict = await office.ask(session(1, kind), timeout_s=2.7)
        assert (verdict.allowed, verdict.answered) == (allowed, False)
        assert trio.current_time() - began_s <= 2.7 + 1e-6


async def test_the_policy_can_be_the_other_way_round(tmp_path: Path, autojump_clock: trio.abc.Clock) -> None:
    text = f'[hooks]\nurl = "{URL}"\npublish_unanswered = "allow"\nplay_unanswered = "deny"'
    async with small_office(tmp_path, FakeService(is_down), config_of(text), sends=False) as office:
        assert (await office.ask(session(1, "publish"))).allowed
        assert not (await office.ask(session(2, "play"))).allowed


async def test_a_player_that_the_policy_let_in_is_told_of_once_the_service_is_back(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    service = FakeService(is_down)
    async with small_office(tmp_path, service) as office:
        assert (await office.ask(session(1, "play"))).allowed
        await office.tell(Ended("s1", "closed"))
        await trio.sleep(60)
        service.behave = says(200)
        await office.until_empty()
    assert service.actions() == ["on_play", "on_stop"]
    assert service.taken[0]["decided_by"] == "policy"
    assert [body["event_id"] for body in service.taken] == ["s1.start", "s1.end"]


async def test_a_publisher_that_may_have_been_let_in_by_a_silent_service_is_told_to_be_gone(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    service = FakeService(hangs)
    async with small_office(tmp_path, service) as office:
        assert not (await office.ask(session())).allowed
        service.behave = says(200)
        await office.until_empty()
        assert office.open_sessions() == set()
    assert [(body["action"], body["reason"]) for body in service.taken] == [
        ("on_unpublish", "hook_unanswered")
    ]


async def test_a_publisher_that_no_service_has_heard_of_has_no_end_either(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    service = FakeService(is_known_to_be_down)
    async with small_office(tmp_path, service) as office:
        assert not (await office.ask(session())).allowed
        assert len(office.lanes) == 0


async def test_a_client_that_leaves_before_the_answer_has_one_end_behind_its_start(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    async def slow(body: bytes) -> Reply:
        if b'"on_publish"' in body:
            await trio.sleep(2)
        return Reply(200, b"", {})

    service = FakeService(slow)
    async with small_office(tmp_path, service) as office:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(office.ask, session())
            await trio.sleep(1)
            await office.tell(Ended("s1", "connection_lost"))
            assert len(office.lanes) == 0
        await office.until_empty()
        assert office.open_sessions() == set()
    assert service.actions() == ["on_publish", "on_unpublish"]


async def test_what_is_said_twice_is_told_once(tmp_path: Path, autojump_clock: trio.abc.Clock) -> None:
    service = FakeService()
    notices: list[AnyNotice] = [Began(session(1, "stream")), Ended("s1", "ended")]
    async with small_office(tmp_path, service) as office:
        await office.tell(*notices)
        await office.tell(*notices)
        await office.until_empty()
    assert service.actions() == ["on_stream_live", "on_stream_idle"]


async def test_what_is_said_again_to_the_next_process_is_told_once(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    notices: list[AnyNotice] = [Began(session(1, "stream")), Ended("s1", "ended")]
    service = FakeService()
    async with small_office(tmp_path, service, sends=False) as first:
        await first.tell(*notices)
    async with small_office(tmp_path, service) as second:
        await second.tell(*notices)
        await second.until_empty()
    assert service.actions() == ["on_stream_live", "on_stream_idle"]


async def test_a_session_whose_question_died_with_the_sender_is_told_of_by_its_worker(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    service = FakeService(hangs)
    async with small_office(tmp_path, service) as first, trio.open_nursery() as nursery:
        nursery.start_soon(first.ask, session(1, "play"))
        await trio.sleep(0.5)
        nursery.cancel_scope.cancel()
    service.behave = says(200)
    async with small_office(tmp_path, service) as second:
        assert second.open_sessions() == {"s1"}
        await second.tell(Began(session(1, "play")), Ended("s1", "closed"))
        await second.until_empty()
    assert service.actions() == ["on_play", "on_stop"]


async def test_an_event_goes_to_every_address(tmp_path: Path, autojump_clock: trio.abc.Clock) -> None:
    config = config_of('[hooks]\nurl = "http://a.example/ http://b.example/"')
    service = FakeService()
    async with small_office(tmp_path, service, config) as office:
        await office.ask(session())
        await office.tell(Ended("s1", "finished"))
        await office.until_empty()
    assert sorted((url, body["action"]) for url, body, _ in service.calls) == [
        ("http://a.example/", "on_publish"),
        ("http://a.example/", "on_unpublish"),
        ("http://b.example/", "on_publish"),
        ("http://b.example/", "on_unpublish"),
    ]


async def test_segments_are_told_of_only_where_they_are_wanted(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    service = FakeService()
    async with small_office(tmp_path, service) as office:
        await office.tell(SEGMENT)
        assert len(office.lanes) == 0
        await office.reload(config_of(f'[hooks]\non_hls = "{URL}"'))
        await office.tell(SEGMENT)
        await office.until_empty()
    assert [(body["action"], body["seq_no"]) for body in service.taken] == [("on_hls", 3)]


async def test_calls_are_signed_where_there_is_a_secret(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    service = FakeService()
    async with small_office(tmp_path, service, config_of(f'[hooks]\nurl = "{URL}"\nsecret = "k"')) as office:
        await office.ask(session())
        await office.tell(Ended("s1", "finished"))
        await office.until_empty()
        assert all(headers["x-fanlight-signature"].startswith("t=") for *_, headers in service.calls)
        await office.reload(config_of())
        await office.ask(session(2))
    assert "x-fanlight-signature" not in service.calls[-1][2]


async def test_sessions_of_a_dead_worker_end_and_those_of_others_go_on(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    service = FakeService()
    async with small_office(tmp_path, service) as office:
        deaths = Deaths(office.spool.book.ledger, lambda holder: holder == INGEST)
        await office.ask(session(1))
        await office.ask(session(2))
        await office.tell(Held("s2", INGEST))
        assert deaths.look(0.0) == []
        ends = deaths.look(GRACE_S)
        assert [(end.session_id, end.reason) for end in ends] == [("s1", "worker_death")]
        await office.tell(*ends)
        assert deaths.look(2 * GRACE_S) == []
        await office.until_empty()
    assert service.actions() == ["on_publish", "on_publish", "on_unpublish"]


async def test_a_publisher_that_was_handed_on_in_time_survives_the_worker_it_came_to(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    async with small_office(tmp_path, FakeService()) as office:
        deaths = Deaths(office.spool.book.ledger, lambda holder: holder != FANOUT)
        await office.ask(session())
        assert deaths.look(0.0) == []
        await office.tell(Held("s1", INGEST))
        assert deaths.look(GRACE_S) == []


async def test_stories_of_one_stream_are_told_in_order_whatever_fails(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    calls = 0

    async def moody(_body: bytes) -> Reply:
        nonlocal calls
        calls += 1
        await trio.sleep(calls % 3)
        return Reply(500 if calls % 4 else 200, b"", {})

    service = FakeService()
    async with small_office(tmp_path, service) as office:
        await ask_for(office, range(1, 11))
        service.behave, service.taken = moody, []
        await office.tell(*[Ended(f"s{number}", "finished") for number in range(1, 11)])
        await office.until_empty()
    arrived = [body["client_id"] for body in service.taken]
    assert list(dict.fromkeys(arrived)) == [f"c{number}" for number in range(1, 11)]


async def ask_for(office: SmallOffice, numbers: range) -> None:
    for number in numbers:
        await office.ask(session(number))


async def test_events_for_an_address_that_is_not_configured_any_more_go(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    service = FakeService()
    async with small_office(tmp_path, service) as office:
        await office.ask(session())
        service.behave = is_down
        await office.tell(Ended("s1", "finished"))
        await trio.sleep(1)
        await office.reload(config_of('[hooks]\nurl = "http://other.example/ http://further.example/"'))
        await office.until_empty()
        assert office.counts.counted["fanlight_hook_events_total,on_unpublish,removed"] == 1


async def test_who_refuses_an_event_is_not_asked_for_ever(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    service = FakeService()
    async with small_office(tmp_path, service) as office:
        await office.ask(session())
        service.behave = says(410)
        await office.tell(Ended("s1", "finished"))
        await office.until_empty()
        assert office.figures.refused == 1
        assert office.figures.failures[-1].reason == "refused"


async def test_strangers_who_ask_for_many_names_do_not_set_back_the_count_of_a_stream(
    tmp_path: Path, autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.hooks.sequences.MAX_SEQUENCES", 16)
    monkeypatch.setattr("engine.hooks.sequences.SLACK", 2)
    service = FakeService()
    async with small_office(tmp_path, service) as office:
        await office.ask(session(1, stream="live/main"))
        await office.tell(Ended("s1", "finished"))
        for number in range(100, 200):
            await office.ask(session(number, "play", f"live/invented-{number}"))
            await office.tell(Ended(f"s{number}", "closed"))
        await office.until_empty()
        await office.ask(session(2, stream="live/main"))
    of_stream = [body["sequence"] for body in service.taken if body["name"] == "live/main"]
    assert of_stream == [1, 2, 3]
