"""One's trouble is not another's: players and publishers, this service and that one, are served apart."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import trio

from engine.hooks.lanes import AT_ONCE
from engine.hooks.notices import Began
from engine.hooks.reply import Verdict
from tests.workers.control.hooks.office import SmallOffice, config_of, session, small_office
from tests.workers.control.hooks.services import FakeService, hangs
from workers.control.hooks import pots
from workers.control.hooks.callers import MAX_SERVICES
from workers.runtime.outgoing import Reply

SLOW, FAST = "http://slow.example/hook", "http://fast.example/hook"
TWO_SERVICES = (
    f'[paths."slow/*"]\nhooks = {{ url = "{SLOW}" }}\n[paths."live/*"]\nhooks = {{ url = "{FAST}" }}'
)
SLOW_S = 2.9


class TwoServices(FakeService):
    """One answers at once; the other well, and late."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived_s: dict[str, float] = {}

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], deadline_s: float) -> Reply:
        await trio.sleep(SLOW_S if url.startswith("http://slow") else 0)
        self.arrived_s.setdefault(url, trio.current_time())
        return await super().post(url, body, headers, deadline_s)


@pytest.fixture(autouse=True)
def _room_for_four(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pots, "MAX_QUESTIONS", 4)


async def fill(office: SmallOffice, nursery: trio.Nursery, kind: str, stream: str = "live/cam") -> None:
    """Have as many questions of a kind under way as may be."""
    for number in range(pots.MAX_QUESTIONS):
        nursery.start_soon(office.ask, session(1000 + number, kind, stream))
    await trio.sleep(0.1)


async def asked_at_once(office: SmallOffice, kind: str, stream: str = "live/cam") -> Verdict | None:
    """The answer, if it takes no time."""
    with trio.move_on_after(0.001):
        return await office.ask(session(1, kind, stream))
    return None


async def test_too_many_questions_at_a_time_are_the_policys(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    for kind, allowed in (("publish", False), ("play", True)):
        office_of = small_office(tmp_path / kind, FakeService(hangs), sends=False)
        async with office_of as office, trio.open_nursery() as nursery:
            await fill(office, nursery, kind)
            assert await asked_at_once(office, kind) == Verdict(allowed=allowed, answered=False)
            nursery.cancel_scope.cancel()


async def test_players_that_are_asked_about_keep_no_publisher_out(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    async def answers_publishers(body: bytes) -> Reply:
        await trio.sleep(0 if b"on_publish" in body else 60)
        return Reply(200, b"", {})

    service = FakeService(answers_publishers)
    async with small_office(tmp_path, service, sends=False) as office, trio.open_nursery() as nursery:
        await fill(office, nursery, "play")
        assert await asked_at_once(office, "publish") == Verdict(allowed=True)
        nursery.cancel_scope.cancel()


async def test_questions_to_one_service_take_no_room_from_anothers(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    office_of = small_office(tmp_path, TwoServices(), config_of(TWO_SERVICES), sends=False)
    async with office_of as office, trio.open_nursery() as nursery:
        await fill(office, nursery, "play", "slow/cam")
        assert await asked_at_once(office, "play") == Verdict(allowed=True)
        nursery.cancel_scope.cancel()


async def test_room_is_given_back(tmp_path: Path, autojump_clock: trio.abc.Clock) -> None:
    service = FakeService(hangs)
    async with small_office(tmp_path, service, sends=False) as office:
        async with trio.open_nursery() as nursery:
            await fill(office, nursery, "publish")
            nursery.cancel_scope.cancel()
        service.behave = FakeService().behave
        assert await asked_at_once(office, "publish") == Verdict(allowed=True)


async def test_a_slow_service_has_its_own_events_wait_and_nobody_elses(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    service = TwoServices()
    async with small_office(tmp_path, service, config_of(TWO_SERVICES)) as office:
        began_s = trio.current_time()
        streams = [session(number, "play", f"slow/{number}") for number in range(3 * AT_ONCE)]
        await office.tell(*map(Began, streams))
        await trio.sleep(SLOW_S / 2)
        told_s = trio.current_time()
        await office.tell(Began(session(1000, "publish", "live/cam")))
        await office.until_empty()
        assert service.arrived_s[FAST] == pytest.approx(told_s, abs=0.1)
        assert trio.current_time() - began_s == pytest.approx(3 * SLOW_S, abs=0.5)


async def test_of_as_many_services_as_have_clients_no_number_of_slow_ones_holds_up_another(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    service, slow = TwoServices(), range(MAX_SERVICES - 1)
    config = config_of(
        f'[paths."live/*"]\nhooks_url = "{FAST}"\n'
        + "".join(f'[paths."slow{one}/*"]\nhooks_url = "http://slow{one}.example/"\n' for one in slow)
    )
    async with small_office(tmp_path, service, config) as office:
        for one in slow:
            streams = (session(100 * one + of_it, "play", f"slow{one}/{of_it}") for of_it in range(AT_ONCE))
            await office.tell(*map(Began, streams))
        await trio.sleep(SLOW_S / 2)
        told_s = trio.current_time()
        await office.tell(Began(session(9999, "play", "live/cam")))
        await trio.sleep(SLOW_S / 4)
        assert service.arrived_s == {FAST: pytest.approx(told_s, abs=0.1)}
