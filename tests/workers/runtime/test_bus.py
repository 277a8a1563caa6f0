"""The bus: orders keep their order, questions get answers, the dead lose nothing, nobody waits for ever."""

import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import trio
import trio.testing

from workers.control.limits import PAGE_MAX
from workers.runtime.bus import (
    MAX_QUESTIONS,
    SEND_TIMEOUT_S,
    Bus,
    BusFull,
    BusTimeout,
    Descriptors,
    Envelope,
    PacketTooLarge,
)
from workers.runtime.messages import (
    AnyMessage,
    ClientInfo,
    ClientsPage,
    Drain,
    HandOver,
    Kick,
    KickResult,
    Lend,
    ListClients,
    Ready,
    TakeBack,
)
from workers.runtime.packets import MAX_PACKET_BYTES, open_inboxes


class QuietLog:
    def __init__(self) -> None:
        self.events: list[str] = []

    def error(self, event: str, **_fields: object) -> None:
        self.events.append(event)

    exception = error


class Street:
    """Some houses with inboxes, as the supervisor makes them."""

    def __init__(self, count: int) -> None:
        self.pairs = open_inboxes(range(count))
        self.outboxes = {address: outbox for address, (_, outbox) in self.pairs.items()}
        self.log = QuietLog()

    def bus(self, address: int) -> Bus:
        return Bus(address, self.pairs[address][0], self.outboxes, self.log)

    def close(self) -> None:
        for inbox, outbox in self.pairs.values():
            inbox.close()
            outbox.close()


@pytest.fixture
def street() -> Iterator[Street]:
    made = Street(3)
    yield made
    made.close()


@pytest.fixture
async def running(street: Street, nursery: trio.Nursery) -> AsyncIterator[Callable[[int], Bus]]:
    def start(address: int) -> Bus:
        bus = street.bus(address)
        nursery.start_soon(bus.run)
        return bus

    yield start
    nursery.cancel_scope.cancel()


def handover(state: bytes = b"frozen") -> HandOver:
    return HandOver("fanout0-000000000001", "192.0.2.1:5000", 7, state)


async def test_orders_arrive_in_order_and_name_their_sender(running: Callable[[int], Bus]) -> None:
    got: list[tuple[AnyMessage, int]] = []
    done = trio.Event()

    async def note(message: Lend | TakeBack, envelope: Envelope, _fds: Descriptors) -> None:
        await trio.lowlevel.checkpoint()
        got.append((message, envelope.source))
        if len(got) == 40:
            done.set()

    receiver = running(1)
    receiver.handle(Lend, note)
    receiver.handle(TakeBack, note)
    sender = running(0)
    for i in range(20):
        await sender.send(1, Lend(i))
        await sender.send(1, TakeBack(i))
    await done.wait()
    assert got == [(kind(i), 0) for i in range(20) for kind in (Lend, TakeBack)]


async def test_question_gets_its_own_answer(running: Callable[[int], Bus]) -> None:
    async def kick(message: Kick, _envelope: Envelope, _fds: Descriptors) -> KickResult:
        return KickResult(message.client_id == "here")

    running(1).handle(Kick, kick)
    asker = running(0)
    answers: dict[str, AnyMessage] = {}

    async def ask(client_id: str) -> None:
        answers[client_id] = await asker.request(1, Kick(client_id, "test"), 1)

    async with trio.open_nursery() as asking:
        asking.start_soon(ask, "here")
        asking.start_soon(ask, "gone")
    assert answers == {"here": KickResult(True), "gone": KickResult(False)}


async def test_the_longest_page_of_clients_fits_a_packet(running: Callable[[int], Bus]) -> None:
    link: dict[str, float | int | str] = {f"mbpsOfSomeLongName{number}": 1234.56789 for number in range(20)}
    info = ClientInfo(
        id="fanout12-0123456789ab",
        worker="fanout12",
        protocol="srt",
        role="publisher",
        stream="/".join(["s" * 64] * 4),
        remote="[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
        started_ns=1 << 62,
        bytes=1 << 62,
        tags=1 << 62,
        dropped_tags=1 << 62,
        jumps=1 << 62,
        lag_ms=1 << 62,
        user_agent="u" * 100,
        state="publishing",
        link=link,
    )
    page = ClientsPage([info] * PAGE_MAX, more=True)

    async def list_clients(_message: ListClients, _envelope: Envelope, _fds: Descriptors) -> ClientsPage:
        return page

    running(1).handle(ListClients, list_clients)
    assert await running(0).request(1, ListClients(None, "", PAGE_MAX), 1) == page


async def test_question_to_a_dead_worker_times_out(
    street: Street, running: Callable[[int], Bus], autojump_clock: trio.testing.MockClock
) -> None:
    asker = running(0)
    started = trio.current_time()
    with pytest.raises(BusTimeout):
        await asker.request(2, ListClients(None, "", 10), 0.25)
    assert trio.current_time() - started == pytest.approx(0.25)


async def test_answer_to_a_dead_workers_question_reaches_nobody(
    street: Street, running: Callable[[int], Bus], autojump_clock: trio.testing.MockClock
) -> None:
    """The successor in the asker's seat must not take the old answer for the answer to its own question."""
    gate = trio.Event()

    async def list_clients(_message: ListClients, _envelope: Envelope, _fds: Descriptors) -> ClientsPage:
        await gate.wait()
        return ClientsPage([], False)

    running(1).handle(ListClients, list_clients)
    with pytest.raises(BusTimeout):
        await street.bus(0).request(1, ListClients(None, "", 1), 0.1)
    successor = running(0)
    gate.set()
    assert await successor.request(1, ListClients(None, "", 1), 1) == ClientsPage([], False)


async def test_handed_over_socket_waits_in_a_dead_workers_inbox(street: Street) -> None:
    """A publisher handed to ingest in the moment ingest dies is served by the next one."""
    ours, theirs = socket.socketpair()
    with ours:
        await street.bus(0).send(1, handover(), [theirs.fileno()])
        theirs.close()
        taken: list[tuple[HandOver, socket.socket]] = []
        done = trio.Event()

        async def take(message: HandOver, _envelope: Envelope, fds: Descriptors) -> None:
            taken.append((message, fds.take_socket()))
            done.set()

        successor = street.bus(1)
        successor.handle(HandOver, take)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(successor.run)
            await done.wait()
            nursery.cancel_scope.cancel()
        message, received = taken[0]
        with received:
            assert message.state == b"frozen"
            assert not received.get_inheritable()
            received.send(b"still here")
            assert ours.recv(100) == b"still here"


async def test_message_waits_for_a_role_that_has_not_named_its_handlers_yet(
    street: Street, running: Callable[[int], Bus]
) -> None:
    got: list[AnyMessage] = []
    done = trio.Event()

    async def note(message: Lend | TakeBack, _envelope: Envelope, _fds: Descriptors) -> None:
        got.append(message)
        if isinstance(message, TakeBack):
            done.set()

    await street.bus(0).send(1, Lend(1))
    await street.bus(0).send(1, TakeBack(1))
    successor = running(1)
    await trio.testing.wait_all_tasks_blocked()
    successor.handle(TakeBack, note)
    await trio.testing.wait_all_tasks_blocked()
    assert got == []
    successor.handle(Lend, note)
    await done.wait()
    assert got == [Lend(1), TakeBack(1)]


@pytest.mark.parametrize("fate", ["untaken", "failing", "unknown"])
async def test_descriptors_that_no_handler_takes_are_closed(
    fate: str, street: Street, running: Callable[[int], Bus], autojump_clock: trio.testing.MockClock
) -> None:
    async def refuse(_message: HandOver, _envelope: Envelope, _fds: Descriptors) -> None:
        if fate == "failing":
            raise RuntimeError("handler bug")

    ours, theirs = socket.socketpair()
    with ours:
        receiver = running(1)
        if fate != "unknown":
            receiver.handle(HandOver, refuse)
        await street.bus(0).send(1, handover(), [theirs.fileno()])
        theirs.close()
        ours.setblocking(False)
        await trio.lowlevel.wait_readable(ours)
        assert ours.recv(1) == b""
    expected = {"untaken": [], "failing": ["bus_handler_failed"], "unknown": ["bus_message_without_handler"]}
    assert street.log.events == expected[fate]


async def test_failing_handler_costs_one_message_not_the_bus(running: Callable[[int], Bus]) -> None:
    async def kick(message: Kick, _envelope: Envelope, _fds: Descriptors) -> KickResult:
        if message.client_id == "bad":
            raise ValueError("handler bug")
        return KickResult(True)

    running(1).handle(Kick, kick)
    asker = running(0)
    with pytest.raises(BusTimeout):
        await asker.request(1, Kick("bad", ""), 0.01)
    assert await asker.request(1, Kick("good", ""), 1) == KickResult(True)


async def test_stopped_receiver_costs_the_sender_a_bounded_wait(
    street: Street, autojump_clock: trio.testing.MockClock
) -> None:
    sent = 0

    async def send_until_refused() -> None:
        nonlocal sent
        while True:
            await street.bus(0).send(1, handover(bytes(64 * 1024)))
            sent += 1

    started = trio.current_time()
    with pytest.raises(BusFull):
        await send_until_refused()
    assert sent >= 2
    assert trio.current_time() - started == pytest.approx(SEND_TIMEOUT_S)


async def test_sender_goes_on_when_a_slow_receiver_has_made_room(
    street: Street, nursery: trio.Nursery
) -> None:
    counted = 0
    done = trio.Event()

    async def count(_message: HandOver, _envelope: Envelope, _fds: Descriptors) -> None:
        nonlocal counted
        counted += 1
        if counted == 50:
            done.set()

    async def send_all() -> None:
        for _ in range(50):
            await street.bus(0).send(1, handover(bytes(64 * 1024)))

    nursery.start_soon(send_all)
    await trio.testing.wait_all_tasks_blocked()
    receiver = street.bus(1)
    receiver.handle(HandOver, count)
    nursery.start_soon(receiver.run)
    await done.wait()
    await trio.testing.wait_all_tasks_blocked()
    assert counted == 50  # and not one of them twice
    nursery.cancel_scope.cancel()


async def test_message_too_large_for_a_packet_is_refused_at_once(street: Street) -> None:
    with pytest.raises(PacketTooLarge):
        await street.bus(0).send(1, handover(bytes(MAX_PACKET_BYTES)))


async def test_questions_in_progress_are_bounded_and_orders_still_get_through(
    running: Callable[[int], Bus], nursery: trio.Nursery
) -> None:
    at_once = most = 0
    gate = trio.Event()
    drained = trio.Event()

    async def kick(_message: Kick, _envelope: Envelope, _fds: Descriptors) -> KickResult:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await gate.wait()
        at_once -= 1
        return KickResult(True)

    async def drain(_message: Drain, _envelope: Envelope, _fds: Descriptors) -> None:
        drained.set()

    receiver = running(1)
    receiver.handle(Kick, kick)
    receiver.handle(Drain, drain)
    asker = running(0)
    async with trio.open_nursery() as asking:
        for i in range(MAX_QUESTIONS):
            asking.start_soon(asker.request, 1, Kick(str(i), ""), 5)
        await trio.testing.wait_all_tasks_blocked()
        await asker.send(1, Drain(1.0))
        await drained.wait()
        asking.start_soon(asker.request, 1, Kick("one more", ""), 5)
        await trio.testing.wait_all_tasks_blocked()
        gate.set()
    assert most == MAX_QUESTIONS


async def test_rubbish_in_the_inbox_is_logged_and_skipped(street: Street, nursery: trio.Nursery) -> None:
    done = trio.Event()

    async def ready(_message: Ready, _envelope: Envelope, _fds: Descriptors) -> None:
        done.set()

    receiver = street.bus(1)
    receiver.handle(Ready, ready)
    street.outboxes[1].send(b"\xc1 not msgpack")
    await street.bus(0).send(1, Ready())
    nursery.start_soon(receiver.run)
    await done.wait()
    assert street.log.events == ["bus_packet_unusable"]
    nursery.cancel_scope.cancel()


async def test_bus_leaks_no_descriptor(street: Street, running: Callable[[int], Bus]) -> None:
    done = trio.Event()
    count = 0

    async def take(_message: HandOver, _envelope: Envelope, fds: Descriptors) -> None:
        nonlocal count
        os.close(fds.take())
        count += 1
        if count == 30:
            done.set()

    running(1).handle(HandOver, take)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(30):
        await street.bus(0).send(1, handover(), [street.outboxes[0].fileno()])
    await done.wait()
    assert len(os.listdir("/proc/self/fd")) == before
