"""Strangers at the SRT port: whatever they send, it keeps nothing, says little, and goes on."""

import contextlib
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import SimpleNamespace

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from engine.media.gop import StartMode
from engine.protocols.srt import listener as listener_module
from engine.protocols.srt.caller import Call, Caller
from engine.protocols.srt.cookie import Peer
from engine.protocols.srt.handshake import REQUEST_INDUCTION
from engine.protocols.srt.limits import MAX_INDUCTIONS_PER_S
from engine.protocols.srt.negotiated import Negotiated
from engine.protocols.srt.rejections import Rejection, code_of
from tests.engine.srt.handshakes import call, handshake_in
from tests.workers.fanout.port_stage import STRANGER, PortStage, conclusion, induction
from workers.fanout import srt_port
from workers.fanout.srt_port import MAX_WAIT_S, Address
from workers.fanout.visits import Visit
from workers.runtime.circle import now_us

FLOOD = 5_000


@pytest.fixture
def one_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands still: a second is as long as the test."""
    monkeypatch.setattr(srt_port, "now_us", lambda: 7_000_000)


async def test_spoofed_inductions_leave_nothing_behind_and_are_not_amplified(nursery: trio.Nursery) -> None:
    stage = PortStage(nursery)
    chance, question = random.Random(3), induction()
    for _ in range(FLOOD):
        address = (f"198.51.{chance.randrange(256)}.{chance.randrange(256)}", chance.randrange(1, 65536))
        (answer,) = stage.ask(question, address)
        assert len(answer) <= len(question)
    assert stage.exchanges == 0
    assert stage.report.srt_inductions == FLOOD
    assert not stage.report.results


@pytest.mark.usefixtures("one_second")
async def test_one_address_has_a_share_of_each_second(nursery: trio.Nursery) -> None:
    stage = PortStage(nursery)
    answered = sum(len(stage.ask(induction(), ("192.0.2.1", port))) for port in range(1, 1001))
    assert answered == MAX_INDUCTIONS_PER_S
    assert stage.ask(induction(), ("192.0.2.2", 1))


async def test_truncated_handshakes_are_not_answered(nursery: trio.Nursery) -> None:
    stage = PortStage(nursery)
    whole = conclusion(stage, call(stream_id="publish:live/a"))
    for datagram in (induction(), whole):
        for length in range(len(datagram)):
            if length % 4 or length < 64:  # shorter by whole extensions it is a handshake of its own
                assert stage.ask(datagram[:length]) == []
    assert stage.exchanges == 0
    assert set(stage.report.results) == {"damaged"}


@given(
    damage=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4), cut=st.integers(0, 300)
)
def test_damaged_handshakes_are_answered_shortly_or_not_at_all(
    damage: list[tuple[int, int]], cut: int
) -> None:
    async def run() -> None:
        async with trio.open_nursery() as nursery:
            stage = PortStage(nursery, default_mode="play")
            for datagram in (induction(), conclusion(stage, call(stream_id="read:live/a"))):
                damaged = bytearray(datagram)
                for place, value in damage:
                    damaged[place % len(damaged)] = value
                damaged = damaged[: max(0, len(damaged) - cut)]
                answers = stage.ask(bytes(damaged))
                assert sum(map(len, answers)) <= len(damaged)
            nursery.cancel_scope.cancel()

    trio.run(run, clock=MockClock())


async def test_a_cookie_is_good_at_its_own_address_only(
    nursery: trio.Nursery, handed_over: list[PortStage]
) -> None:
    stage = PortStage(nursery)
    handed_over.append(stage)
    said = conclusion(stage, call(stream_id="publish:live/a"))
    for elsewhere in (("192.0.2.1", 4001), ("192.0.2.2", 4000)):
        assert stage.ask(said, elsewhere) == []
    assert (stage.exchanges, stage.report.results) == (0, {"damaged": 2})


@pytest.fixture
def handed_over(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[PortStage]]:
    """Stages that take their own publishers; the sockets are closed in the end."""
    stages: list[PortStage] = []

    async def hand_over(
        audience: object,
        _conn_id: str,
        visit: Visit,
        negotiated: Negotiated,
        sock: socket.socket,
        remote: str,
    ) -> None:
        stage = next(stage for stage in stages if stage.audience is audience)
        stage.publishers.append((visit.name, negotiated, sock))

    monkeypatch.setattr(srt_port, "hand_over_publisher", hand_over)
    yield stages
    for stage in stages:
        for _, _, sock in stage.publishers:
            sock.close()


class Door:
    """A real port on loopback."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.sock.setblocking(False)
        self.sock.bind(("127.0.0.1", 0))
        self.stage = PortStage(nursery, self.sock)
        nursery.start_soon(self.stage.port.serve)

    def visitor(self) -> trio.socket.SocketType:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect(self.sock.getsockname())
        return trio.socket.from_stdlib_socket(sock)


@pytest.fixture
async def door(handed_over: list[PortStage]) -> AsyncIterator[Door]:
    async with trio.open_nursery() as nursery:
        door = Door(nursery)
        handed_over.append(door.stage)
        yield door
        nursery.cancel_scope.cancel()
    door.sock.close()


async def ask(visitor: trio.socket.SocketType, datagram: bytes) -> bytes:
    with trio.fail_after(5):
        await visitor.send(datagram)
        return await visitor.recv(2048)


async def conclude(visitor: trio.socket.SocketType, wanted: Call) -> tuple[bytes, bytes]:
    """Say everything that a caller says; gives the conclusion and its answer."""
    caller = Caller(wanted, Peer("127.0.0.1", 1), now_us())
    (first,) = caller.poll(now_us())
    caller.receive(await ask(visitor, first), now_us())
    (second,) = caller.poll(now_us())
    return second, await ask(visitor, second)


async def test_a_conclusion_that_comes_again_is_one_publisher(door: Door) -> None:
    stage = door.stage
    with door.visitor() as visitor:
        said, answer = await conclude(visitor, call(stream_id="publish:live/a"))
        address: Address = visitor.getsockname()
        # As if they had been on their way before the publisher's own socket was there.
        for _ in range(100):
            stage.port._take(said, address)
        await wait_all_tasks_blocked()
        assert {await visitor.recv(2048) for _ in range(100)} == {answer}
    assert [name for name, _, _ in stage.publishers] == ["live/a"]
    assert stage.report.results == {"accepted": 1}
    assert stage.report.connections == {"srt": 1}


class Clock:
    """Time that passes only where the test says so."""

    def __init__(self) -> None:
        self.now_us = 7_000_000

    def __call__(self) -> int:
        return self.now_us

    def taking(self, seconds: float, answer: object) -> Callable[..., Awaitable[object]]:
        """Something that takes so long."""

        async def take(*_arguments: object) -> object:
            self.now_us += int(seconds * 1e6)
            await trio.lowlevel.checkpoint()
            return answer

        return take


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(srt_port, "now_us", clock)
    return clock


async def test_a_handshake_takes_as_long_as_who_decides(clock: Clock, door: Door) -> None:
    door.stage.audience.visits.begin = clock.taking(0.15, Visit("live/a"))
    with door.visitor() as visitor:
        await conclude(visitor, call(stream_id="publish:live/a"))
    assert door.stage.report.took_s == [("publisher", 0.15)]


async def test_a_players_wait_for_its_stream_is_no_part_of_the_handshake(
    clock: Clock, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def serve(*arguments: object) -> None:
        for sock in arguments:
            if isinstance(sock, socket.socket):
                sock.close()

    monkeypatch.setattr(srt_port, "serve_player", serve)
    audience = door.stage.audience
    audience.visits.begin = clock.taking(0.05, Visit("live/a"))
    audience.hub.wait_for = clock.taking(1.5, "the record")
    audience.feed_for = clock.taking(0.01, "the feed")
    with door.visitor() as visitor:
        await conclude(visitor, call(stream_id="read:live/a"))
    assert door.stage.report.took_s == [("player", 0.06)]


async def test_strays_on_a_new_socket_find_their_way_back(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    strangers = [door.visitor() for _ in range(40)]
    strays: list[bool] = []

    class Straying(socket.socket):
        def connect(self, address: Address) -> None:  # type: ignore[override]
            """Between bind and connect everybody's datagrams come here."""
            for stranger in strangers:
                socket.socket.send(stranger._sock, induction())  # type: ignore[attr-defined]
            with contextlib.suppress(BlockingIOError):
                strays.append(bool(self.recv(1, socket.MSG_PEEK)))
            super().connect(address)

    names = {name: getattr(socket, name) for name in dir(socket) if name.isupper() or name == "AddressFamily"}
    monkeypatch.setattr(srt_port, "socket", SimpleNamespace(**{**names, "socket": Straying}))
    with door.visitor() as visitor:
        await conclude(visitor, call(stream_id="publish:live/a"))
    assert strays
    for stranger in strangers:
        with stranger, trio.fail_after(5):
            assert handshake_in(await stranger.recv(2048)).request == REQUEST_INDUCTION
    assert door.stage.report.srt_inductions == len(strangers) + 1


async def test_who_waits_for_a_stream_is_told_after_a_while(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    stage = PortStage(nursery)
    assert stage.ask(conclusion(stage, call(stream_id="read:live/nobody"))) == []
    await trio.sleep(MAX_WAIT_S + 0.1)
    (answer, address) = stage.mouth.said[-1]
    assert (code_of(handshake_in(answer).request), address) == (Rejection.NOT_FOUND, STRANGER)
    assert stage.report.results == {"refused": 1}


@pytest.mark.parametrize(
    ("stream_id", "mode"),
    [
        ("read:live/a", None),
        ("read:live/a?start=burst", StartMode.BURST),
        ("read:live/a?start=live:ann:secret", StartMode.LIVE),
        ("#!::r=live/a,m=request,start=keyframe", StartMode.KEYFRAME),
        ("#!::r=live/a?start=live,token=t", StartMode.LIVE),
        ("read:live/a?start=sometime", None),
    ],
)
async def test_a_player_says_in_its_stream_id_where_it_begins(
    stream_id: str, mode: StartMode | None, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[object] = []

    async def serve(*arguments: object) -> None:
        begun.append(arguments[-1])

    monkeypatch.setattr(srt_port, "serve_player", serve)
    stage = PortStage(nursery)
    monkeypatch.setattr(stage.port, "_wait_for_stream", _any_feed)
    monkeypatch.setattr(stage.port, "_find_feed", _any_feed)
    monkeypatch.setattr(stage.port, "_accept", lambda *_: (None, None))
    assert stage.ask(conclusion(stage, call(stream_id=stream_id))) == []
    await wait_all_tasks_blocked()
    assert begun == [mode]


async def _any_feed(*_: object) -> None:
    """There is one."""


async def test_refusals_are_counted_by_what_was_asked_for(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    stage = PortStage(nursery)
    asked = ("read:live/nobody", "publish:live/a b", "read:live/..", "#!::m=both")
    for port, stream_id in enumerate(asked, 4001):
        address = ("192.0.2.1", port)
        stage.ask(conclusion(stage, call(stream_id=stream_id), address), address)
    await trio.sleep(MAX_WAIT_S + 0.1)
    assert stage.report.refusals == {
        ("play", "not_found"): 1,
        ("publish", "bad_name"): 1,
        ("play", "bad_name"): 1,
    }
    assert stage.report.results == {"refused": 4}
    assert stage.report.connections == {}
    told = [line for line in stage.log.lines if line["event"] == "play_refused"]
    assert [(line["reason"], line["stream"]) for line in told] == [
        ("bad_name", ""),
        ("not_found", "live/nobody"),
    ]
    assert {line["protocol"] for line in told} == {"srt"}
    assert [line["remote"] for line in told] == ["192.0.2.1:4003", "192.0.2.1:4001"]


async def test_no_more_than_so_many_wait(
    nursery: trio.Nursery, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener_module, "MAX_ASKED", 10)
    stage = PortStage(nursery)
    answers = []
    for port in range(1, 21):
        address = ("192.0.2.1", port)
        answers += stage.ask(conclusion(stage, call(stream_id="read:live/nobody"), address), address)
    assert {code_of(handshake_in(answer).request) for answer in answers} == {Rejection.BACKLOG}
    assert len(answers) == 10
    await trio.sleep(MAX_WAIT_S + 0.1)
    assert stage.waiting == 10


async def test_a_bug_in_a_decision_is_that_callers_alone(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    stage = PortStage(nursery)

    def broken(name: str) -> None:
        raise ZeroDivisionError("a bug")

    stage.audience.hub.settings_for = broken
    assert stage.ask(conclusion(stage, call(stream_id="read:live/a"))) == []
    await wait_all_tasks_blocked()
    assert stage.log.events == {"connection_failed": 1}
    assert stage.exchanges == 0
    assert stage.ask(induction())
