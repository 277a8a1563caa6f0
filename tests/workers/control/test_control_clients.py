"""Clients of many workers on one page: complete, in order, and never late because of one that hangs."""

from typing import cast

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shm.board import WorkerState
from tests.workers.control.house import House, ScriptedBus, client, open_house
from workers.control.clients import Clients, Unanswered, client_of
from workers.control.limits import ASK_TIMEOUT_S
from workers.control.staff import Staff
from workers.runtime.slots import WorkerSlot


def some_id(worker: str, number: int) -> str:
    return f"{worker}-{number:012x}"


async def all_pages(clients: Clients, limit: int) -> list[str]:
    """Turn the pages until the last; gives every id in the order shown."""
    shown: list[str] = []
    after: str | None = ""
    while after is not None:
        page = await clients.page(None, after, limit)
        assert len(page.clients) <= limit
        shown += [one.id for one in page.clients]
        after = page.next
    return shown


@given(
    numbers=st.lists(st.sets(st.integers(0, 2**48 - 1), max_size=12), min_size=3, max_size=3),
    limit=st.integers(1, 7),
    cap=st.integers(1, 7),
)
def test_pages_show_everybody_once_even_if_workers_answer_in_small_portions(
    numbers: list[set[int]], limit: int, cap: int
) -> None:
    with open_house() as house:
        house.bus.page_cap = cap
        for slot, mine in zip(house.staff.with_clients(), numbers, strict=True):
            house.bus.clients[slot.number] = [client(some_id(slot.name, number)) for number in mine]
        everybody = sorted(one.id for infos in house.bus.clients.values() for one in infos)
        assert trio.run(all_pages, house.desk.clients, limit) == everybody


async def test_only_clients_of_the_stream_that_was_asked_for(house: House) -> None:
    house.bus.clients[1] = [client(some_id("fanout0", 1), "live/a"), client(some_id("fanout0", 2), "live/b")]
    page = await house.desk.clients.page("live/b", "", 10)
    assert [one.id for one in page.clients] == [some_id("fanout0", 2)]
    assert page.next is None


async def test_a_worker_that_hangs_is_named_and_not_waited_for(
    house: House, autojump_clock: trio.testing.MockClock
) -> None:
    house.bus.clients[2] = [client(some_id("fanout1", 1))]
    house.bus.silent = {0, 1}
    began = trio.current_time()
    page = await house.desk.clients.page(None, "", 10)
    assert trio.current_time() - began == pytest.approx(ASK_TIMEOUT_S)
    assert page.missing == ["fanout0", "ingest0"]
    assert [one.id for one in page.clients] == [some_id("fanout1", 1)]


async def test_a_worker_that_is_not_there_is_not_even_asked(house: House) -> None:
    house.seat(1, state=WorkerState.STARTING)
    page = await house.desk.clients.page(None, "", 10)
    assert page.missing == ["fanout0"]
    assert {to for to, _ in house.bus.asked} == {0, 2}


async def test_one_client_is_found_among_those_whose_ids_differ_in_the_last_digit(house: House) -> None:
    house.bus.clients[1] = [client(some_id("fanout0", number)) for number in range(40)]
    found = await house.desk.clients.find(some_id("fanout0", 0x1F))
    assert found is not None
    assert found.id == some_id("fanout0", 0x1F)
    assert found.started_at.isoformat() == "2023-11-14T22:13:20.123000+00:00"
    assert await house.desk.clients.find(some_id("fanout0", 0x99)) is None


@pytest.mark.parametrize("stranger", ["", "-", "fanout7-000000000001", "control0-000000000001", "x" * 500])
async def test_ids_of_nobody_ask_nobody(house: House, stranger: str) -> None:
    assert await house.desk.clients.find(stranger) is None
    assert not await house.desk.clients.kick(stranger, "kicked")
    assert house.bus.asked == []


async def test_a_kick_goes_to_the_holder_only(house: House) -> None:
    house.bus.clients[2] = [client(some_id("fanout1", 5))]
    assert await house.desk.clients.kick(some_id("fanout1", 5), "kicked")
    assert not await house.desk.clients.kick(some_id("fanout1", 5), "kicked")
    assert [to for to, _ in house.bus.asked] == [2, 2]


async def test_a_holder_that_hangs_is_an_error_and_not_a_client_that_is_not_there(
    house: House, autojump_clock: trio.testing.MockClock
) -> None:
    house.bus.silent = {1}
    with pytest.raises(Unanswered, match="fanout0"):
        await house.desk.clients.find(some_id("fanout0", 5))
    with pytest.raises(Unanswered, match="fanout0"):
        await house.desk.clients.kick(some_id("fanout0", 5), "kicked")


def test_figures_of_a_link_are_passed_on() -> None:
    figures: dict[str, float | int | str] = {"msRTT": 60.5, "pktSentTotal": 7, "encryption": "none"}
    told = client_of(replace(client("fanout0-000000000001"), link=figures))
    assert told.link == figures
    assert client_of(client("fanout0-000000000001")).link is None


async def test_a_publisher_is_looked_for_in_all_ingests_wherever_its_id_says_it_is() -> None:
    """Its stream may have got a name that is another ingest's after the id was told."""
    slots = [WorkerSlot(0, "ingest", 0), WorkerSlot(1, "ingest", 1), WorkerSlot(2, "fanout", 0)]
    bus = ScriptedBus()
    bus.clients = {slot.number: [] for slot in slots}
    bus.clients[1] = [client(some_id("ingest1", 5))]
    clients = Clients(bus, cast("Staff", EverybodyAnswers(slots)))
    found = await clients.find(some_id("ingest0", 5))
    assert found is not None
    assert found.id == some_id("ingest1", 5)
    assert await clients.kick(some_id("ingest0", 5), "kicked")
    assert not await clients.kick(some_id("ingest0", 5), "kicked")
    assert {to for to, _ in bus.asked} == {0, 1}


async def test_an_ingest_that_hangs_is_no_matter_where_another_has_the_publisher(
    autojump_clock: trio.testing.MockClock,
) -> None:
    slots = [WorkerSlot(0, "ingest", 0), WorkerSlot(1, "ingest", 1)]
    bus = ScriptedBus()
    bus.clients = {0: [], 1: [client(some_id("ingest1", 5))]}
    bus.silent = {0}
    clients = Clients(bus, cast("Staff", EverybodyAnswers(slots)))
    assert await clients.kick(some_id("ingest0", 5), "kicked")
    with pytest.raises(Unanswered, match="ingest0"):
        await clients.kick(some_id("ingest0", 5), "kicked")


async def test_however_many_ingests_hang_they_are_waited_for_at_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    slots = [WorkerSlot(number, "ingest", number) for number in range(6)]
    bus = ScriptedBus()
    bus.clients = {slot.number: [] for slot in slots}
    bus.silent = {0, 1, 2, 3, 4}
    clients = Clients(bus, cast("Staff", EverybodyAnswers(slots)))
    began = trio.current_time()
    with pytest.raises(Unanswered, match="ingest0"):
        await clients.find(some_id("ingest0", 5))
    assert trio.current_time() - began == pytest.approx(2 * ASK_TIMEOUT_S)
    bus.clients[5] = [client(some_id("ingest5", 5))]
    began = trio.current_time()
    assert await clients.kick(some_id("ingest0", 5), "kicked")
    assert trio.current_time() - began == pytest.approx(ASK_TIMEOUT_S)


async def test_a_publisher_where_its_id_says_is_looked_for_nowhere_else() -> None:
    slots = [WorkerSlot(0, "ingest", 0), WorkerSlot(1, "ingest", 1)]
    bus = ScriptedBus()
    bus.clients = {0: [client(some_id("ingest0", 5))], 1: []}
    clients = Clients(bus, cast("Staff", EverybodyAnswers(slots)))
    assert await clients.kick(some_id("ingest0", 5), "kicked")
    assert [to for to, _ in bus.asked] == [0]


class EverybodyAnswers:
    """Staff of which nobody is away."""

    def __init__(self, slots: list[WorkerSlot]) -> None:
        self._slots = tuple(slots)

    def with_clients(self) -> tuple[WorkerSlot, ...]:
        return self._slots

    def answers(self, _slot: WorkerSlot) -> bool:
        return True
