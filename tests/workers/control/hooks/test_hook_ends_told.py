"""Each start has its end, at the service that had the start: under a new name, and where another said no."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
import trio

from engine.hooks.notices import Ended
from tests.workers.control.hooks.office import URL, config_of, session, small_office
from tests.workers.control.hooks.services import Behaviour, FakeService, hangs, is_known_to_be_down, says
from workers.runtime.outgoing import Reply

LIVE_ONLY = f'[paths."live/*"]\nhooks = {{ url = "{URL}" }}'
RENAMES = says(200, b'{"code": 0, "stream": "vip/one"}')
A, B = "http://x.example/a", "http://x.example/b"
BOTH = f'[hooks]\nurl = "{A} {B}"\n'


class TwoServices(FakeService):
    """Each behaves as it likes; `told` is who heard what."""

    def __init__(self, a: Behaviour, b: Behaviour) -> None:
        super().__init__()
        self.behaviours = {A: a, B: b}
        self.told: list[tuple[str, object]] = []

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], deadline_s: float) -> Reply:
        action = msgspec.json.decode(body)["action"]
        self.told.append((url, action))
        self.behave = self.behaviours[url] if action in ("on_publish", "on_play") else says(200)
        return await super().post(url, body, headers, deadline_s)

    def heard(self, url: str) -> list[object]:
        return [action for one, action in self.told if one == url]


async def test_who_renamed_a_publisher_hears_of_its_end(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    service = FakeService(RENAMES)
    async with small_office(tmp_path, service, config_of(LIVE_ONLY)) as office:
        assert (await office.ask(session())).stream == "vip/one"
        await office.tell(Ended("s1", "finished"))
        await office.until_empty()
    assert service.actions() == ["on_publish", "on_unpublish"]
    assert (service.taken[1]["name"], service.taken[1]["asked"]) == ("vip/one", "live/cam")


async def test_hooks_of_the_new_name_hear_nothing_of_a_start_they_never_had(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    others = '[paths."vip/*"]\nhooks = { url = "http://vip.example/", secret = "theirs" }'
    service = FakeService(RENAMES)
    async with small_office(tmp_path, service, config_of(f"{LIVE_ONLY}\n{others}")) as office:
        await office.ask(session())
        await office.tell(Ended("s1", "finished"))
        await office.until_empty()
    assert [url for url, _, _ in service.calls] == [URL, URL]
    assert not any("x-fanlight-signature" in headers for *_, headers in service.calls)


async def test_the_end_of_a_renamed_publisher_outlives_the_sender(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    service, config = FakeService(RENAMES), config_of(LIVE_ONLY)
    async with small_office(tmp_path, service, config, sends=False) as first:
        await first.ask(session())
    async with small_office(tmp_path, service, config, sends=False) as second:
        await second.tell(Ended("s1", "finished"))
    async with small_office(tmp_path, service, config) as third:
        await third.until_empty()
    assert service.actions() == ["on_publish", "on_unpublish"]


async def test_a_start_that_is_told_later_under_the_new_name_goes_to_who_was_silent(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    config = config_of(f'[paths."live/*"]\nhooks = {{ url = "{A} {B}", publish_unanswered = "allow" }}')
    service = TwoServices(RENAMES, is_known_to_be_down)
    async with small_office(tmp_path, service, config) as office:
        assert (await office.ask(session())).stream == "vip/one"
        service.behaviours[B] = says(200)
        await office.until_empty()
    assert service.heard(A) == ["on_publish"]
    assert service.actions() == ["on_publish", "on_publish"]
    assert (service.taken[1]["name"], service.taken[1]["decided_by"]) == ("vip/one", "policy")


@pytest.mark.parametrize("no", [says(403), is_known_to_be_down])
async def test_where_one_says_no_the_one_that_said_yes_is_told_the_end(
    tmp_path: Path, autojump_clock: trio.abc.Clock, no: Behaviour
) -> None:
    service = TwoServices(says(200), no)
    async with small_office(tmp_path, service, config_of(BOTH)) as office:
        assert not (await office.ask(session())).allowed
        await office.tell(Ended("s1", "hook_denied"))  # as its worker does, who knows nothing of services
        await office.until_empty()
        assert office.open_sessions() == set()
    assert service.heard(A) == ["on_publish", "on_unpublish"]
    assert service.heard(B) == ["on_publish"]


async def test_where_one_says_no_the_one_that_was_silent_may_believe_otherwise(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    service = TwoServices(says(200, b"1"), hangs)
    async with small_office(tmp_path, service, config_of(BOTH)) as office:
        verdict = await office.ask(session(1, "play"))
        assert (verdict.allowed, verdict.answered) == (False, True)
        await office.until_empty()
    assert service.heard(A) == ["on_play"]
    assert service.heard(B) == ["on_play", "on_stop"]
    assert service.taken[-1]["reason"] == "hook_denied"


async def test_a_service_with_an_address_for_ends_hears_of_them_there(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    config = config_of(f'[hooks]\non_publish = "{URL}"\non_unpublish = "http://hooks.example/end"')
    service = FakeService(hangs)
    async with small_office(tmp_path, service, config) as office:
        assert not (await office.ask(session())).allowed
        service.behave = says(200)
        await office.until_empty()
    assert service.actions() == ["on_unpublish"]
    assert {url for url, _, _ in service.calls} == {URL, "http://hooks.example/end"}
