"""Kept connections in the reception: answered where they sit, held, dismissed, and nobody else's trouble."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
import trio
from trio.testing import MockClock

from engine.config import load
from engine.config.key_table import hash_line
from engine.config.secret import digest
from engine.policy.leaks import Holdings
from tests.workers.fanout.http_stage import MEDIA, NAME, WHOLE_SEGMENTS, HttpStage, reload, staged
from tests.workers.packager.press import KIB
from workers.fanout.answers import Answers
from workers.fanout.audience import KEEP_S
from workers.fanout.guard import Guard
from workers.fanout.http1_exchange import Http1Exchange
from workers.fanout.main import holdings_of
from workers.fanout.quick_answers import Outcome, QuickAnswers
from workers.fanout.seat import Seat
from workers.fanout.shelf import Shelf

PART = bytes(number % 251 for number in range(8 * KIB))


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[HttpStage]:
    async with staged(tmp_path) as stage:
        yield stage


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths of requests that a connection's task was woken for."""
    paths: list[str] = []
    answer = Answers.answer

    async def note(self: Answers, exchange: Http1Exchange, route: object) -> None:
        paths.append(exchange.request.path)
        await answer(self, exchange, route)  # type: ignore[arg-type]

    monkeypatch.setattr(Answers, "answer", note)
    return paths


async def test_playlists_and_parts_are_answered_where_their_player_sits(
    stage: HttpStage, autojump_clock: MockClock, woken: list[str]
) -> None:
    viewer = stage.connect()
    assert (await viewer.get(MEDIA)).status == 200
    part = stage.write_part(PART)
    playlist = await viewer.get(reload(0))
    assert part.rpartition("/")[2].encode() in playlist.body
    answer = await viewer.get(part)
    assert (answer.status, answer.body) == (200, PART)
    assert woken == [MEDIA]
    assert stage.requests("playlist") == {200: 2}
    assert stage.requests("part") == {200: 1}


async def test_nothing_of_a_guarded_stream_is_answered_without_asking_who_wants_it(
    stage: HttpStage, autojump_clock: MockClock, woken: list[str]
) -> None:
    viewer, part = stage.connect(), stage.write_part(PART)
    assert (await viewer.get(MEDIA)).status == 200
    guarded = load(f'[play.play_keys]\nvan = "{hash_line(digest("the van"), None)}"\n', {})
    stage.audience.gate.reconfigure(stage.worker.config, guarded)
    targets = (MEDIA, reload(0), part)
    for target in targets:
        assert (await viewer.get(target)).status == 401, target
    assert woken == [MEDIA, *(target.partition("?")[0] for target in targets)]
    assert stage.requests("part") == {401: 1}


async def test_a_reload_is_answered_when_its_part_is_there_and_not_before(
    stage: HttpStage, autojump_clock: MockClock, woken: list[str]
) -> None:
    viewers = [stage.connect() for _ in range(300)]
    for viewer in viewers:
        await viewer.get(MEDIA)
        viewer.ask(reload(1))
    await trio.sleep(0.5)
    stage.write_part(PART)
    await trio.sleep(0.5)
    assert stage.holds.total == 300
    assert stage.requests("playlist") == {200: 300}
    stage.write_part(PART)
    answers = [await viewer.hear() for viewer in viewers]
    assert {answer.status for answer in answers} == {200}
    assert all(b"1a2b-2.1.m4s" in answer.body for answer in answers)
    assert len({answer.fields["x-request-id"] for answer in answers}) == 300
    assert stage.holds.total == 0
    assert len(woken) == 300


async def test_a_worker_says_what_it_serves_over_hls_whatever_the_connections(
    stage: HttpStage, autojump_clock: MockClock
) -> None:
    assert holdings_of(stage.audience, 2) == Holdings(clients=2)
    viewer = stage.connect()
    await viewer.get(MEDIA)
    folder = stage.press.packages.folder_of(NAME)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(WHOLE_SEGMENTS):
        (folder / f"1a2b-{number}.m4s").write_bytes(PART)
        assert (await viewer.get(f"/{NAME}/1a2b-{number}.m4s")).status == 200
    assert holdings_of(stage.audience, 2) == Holdings(clients=2, shelves=1, files=WHOLE_SEGMENTS)


async def test_a_reload_whose_part_does_not_come_is_refused_and_its_player_may_go_on(
    stage: HttpStage, autojump_clock: MockClock
) -> None:
    viewer = stage.connect()
    await viewer.get(MEDIA)
    began_s = trio.current_time()
    answer = await viewer.get(reload(0))
    assert (answer.status, answer.fields["retry-after"]) == (503, "1")
    assert trio.current_time() - began_s == pytest.approx(3 * 2, abs=0.1)  # three target durations
    assert stage.holds.total == 0
    assert (await viewer.get(MEDIA)).status == 200
    assert stage.requests("playlist") == {200: 2, 503: 1}


async def test_a_player_that_leaves_waits_for_nothing_any_more(
    stage: HttpStage, autojump_clock: MockClock
) -> None:
    viewer = stage.connect()
    await viewer.get(MEDIA)
    viewer.ask(reload(0))
    await trio.sleep(0.1)
    assert stage.holds.total == 1
    viewer.close()
    await trio.sleep(0.1)
    assert stage.holds.total == 0
    assert stage.requests("playlist") == {200: 1, 499: 1}
    stage.write_part(PART)
    await trio.sleep(0.1)
    assert stage.log.events["connection_failed"] == 0


async def test_what_is_asked_behind_a_reload_is_answered_behind_it(
    stage: HttpStage, autojump_clock: MockClock
) -> None:
    viewer = stage.connect()
    await viewer.get(MEDIA)
    viewer.ask(reload(0))
    await trio.sleep(0.1)
    viewer.ask(MEDIA, "/live/cam/1a2b-2.0.m4s", "/live/cam/nothing", "/live/cam/1a2b-2.0.m4s")
    await trio.sleep(0.1)
    stage.write_part(PART)
    answers = [await viewer.hear() for _ in range(5)]
    assert [answer.status for answer in answers] == [200, 200, 200, 404, 200]
    assert [len(answer.body) == len(PART) for answer in answers] == [False, False, True, False, True]
    assert len({answer.fields["x-request-id"] for answer in answers}) == 5


async def test_who_reads_slowly_gets_the_rest_from_its_own_task(
    stage: HttpStage, autojump_clock: MockClock
) -> None:
    slow, quick = stage.connect(buffer_bytes=4 * KIB), stage.connect()
    part = stage.write_part(PART * 3)
    for viewer in (slow, quick):
        await viewer.get(MEDIA)
    slow.ask(part)
    assert (await quick.get(part)).body == PART * 3
    for _ in range(6):
        stage.write_part(PART)  # the ring has come round meanwhile
    assert (await slow.hear()).body == PART * 3
    assert (await slow.get(MEDIA)).status == 200
    assert stage.requests("part") == {200: 2}


@pytest.mark.parametrize("beginning", [b"", b"GET /live/cam/med"])
async def test_who_says_nothing_whole_for_long_is_dismissed(
    stage: HttpStage, autojump_clock: MockClock, beginning: bytes
) -> None:
    viewer = stage.connect()
    await viewer.get(MEDIA)
    began_s = trio.current_time()
    viewer.sock.send(beginning)
    assert await viewer.until_closed() == b""
    assert trio.current_time() - began_s == pytest.approx(KEEP_S, abs=1.5)
    assert not stage.audience.seats


async def test_what_is_no_request_is_refused_in_the_end(stage: HttpStage, autojump_clock: MockClock) -> None:
    viewer = stage.connect()
    await viewer.get(MEDIA)
    viewer.sock.send(b"\x16\x03\x01")
    assert (await viewer.until_closed()).startswith(b"HTTP/1.1 400 ")
    assert stage.report.told["protocol_error", "http"] == 1


async def test_a_worker_that_leaves_keeps_nobody(stage: HttpStage, autojump_clock: MockClock) -> None:
    idle, held = stage.connect(), stage.connect()
    for viewer in (idle, held):
        await viewer.get(MEDIA)
    held.ask(reload(0))
    await trio.sleep(0.1)
    stage.drain()
    assert await idle.until_closed() == b""
    assert (await held.until_closed()).startswith(b"HTTP/1.1 503 ")
    assert stage.holds.total == 0
    assert not stage.audience.seats


async def test_what_was_heard_is_answered_although_the_worker_leaves_in_that_moment(
    stage: HttpStage, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = stage.connect()
    await viewer.get(MEDIA)
    note = Seat._note

    def note_and_drain(self: Seat, outcome: Outcome) -> None:
        note(self, outcome)
        stage.drain()

    monkeypatch.setattr(Seat, "_note", note_and_drain)
    assert (await viewer.get("/live/cam/nothing")).status == 404
    assert await viewer.until_closed() == b""


async def test_who_was_banned_meanwhile_is_told_so(
    stage: HttpStage, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = stage.connect()
    await viewer.get(MEDIA)
    monkeypatch.setattr(Guard, "was_banned", lambda guard, host: True)
    monkeypatch.setattr(Guard, "is_banned", lambda guard, host: True)
    assert (await viewer.get(MEDIA)).status == 403
    assert (await viewer.get(stage.write_part(PART))).status == 403


async def test_an_overloaded_worker_goes_on_with_those_who_watch(
    stage: HttpStage, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, stranger = stage.connect(), stage.connect()
    await viewer.get(MEDIA)
    monkeypatch.setattr(Guard, "takes_players", False)
    stage.write_part(PART)
    assert (await viewer.get(reload(0))).status == 200
    assert (await stranger.get(MEDIA)).status == 503


async def test_a_fault_of_ours_costs_one_connection(
    stage: HttpStage, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlucky, other = stage.connect(), stage.connect()
    for viewer in (unlucky, other):
        await viewer.get(MEDIA)
        viewer.ask(reload(0))
        await trio.sleep(0.1)  # so that the unlucky one's is held first, and ends first

    def fail(self: QuickAnswers, reload: object) -> None:
        monkeypatch.undo()
        raise ZeroDivisionError

    monkeypatch.setattr(QuickAnswers, "end", fail)
    stage.write_part(PART)
    ends = [
        await viewer.until_closed() if viewer is unlucky else await viewer.hear()
        for viewer in (unlucky, other)
    ]
    assert ends[0] == b""
    assert stage.log.events["connection_failed"] == 1


async def test_lines_belong_to_the_request_that_the_seat_has_heard(
    stage: HttpStage, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, object]] = []
    answer = Answers.answer

    async def note(self: Answers, exchange: Http1Exchange, route: object) -> None:
        told.append((exchange.request_id, structlog.contextvars.get_contextvars().get("request_id")))
        await answer(self, exchange, route)  # type: ignore[arg-type]

    monkeypatch.setattr(Answers, "answer", note)
    viewer = stage.connect()
    for number in range(3):
        await viewer.get("/player.js", fields=f"X-Request-Id: asked-{number}\r\n")
    assert [own for own, _ in told] == ["asked-0", "asked-1", "asked-2"]
    assert [own for own, _ in told[1:]] == [bound for _, bound in told[1:]]


async def test_what_a_shelf_logs_belongs_to_no_request(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound: list[object] = []
    run = Shelf.run

    async def look(self: Shelf) -> None:
        bound.append(structlog.contextvars.get_contextvars())
        await run(self)

    monkeypatch.setattr(Shelf, "run", look)
    with structlog.contextvars.bound_contextvars(request_id="of the first player"):
        async with staged(tmp_path) as stage:
            assert (await stage.connect().get(MEDIA)).status == 200
    assert bound == [{}]
