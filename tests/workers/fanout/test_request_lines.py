"""Whoever reports an `x-request-id` finds it in the log; and what went well is there for who asked for it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import trio
from trio.testing import MockClock

from engine.config import load
from engine.config.key_table import hash_line
from engine.config.secret import digest
from tests.engine.http2.talk import request
from tests.workers.fanout.http2_stage import Log, connected
from tests.workers.fanout.http_stage import MEDIA, NAME, HttpStage, reload, staged
from tests.workers.packager.press import KIB
from workers.runtime.logs import Ordinary

PART: Final = bytes(8 * KIB)
KEY: Final = "a-key-that-nobody-may-read"
UPGRADE: Final = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[HttpStage]:
    async with staged(tmp_path) as stage:
        yield stage


@pytest.fixture
def at_debug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ordinary, "logged", True)


def only_line(log: Log, event: str, request_id: str) -> dict[str, object]:
    """The line that a report of this id leads to."""
    (line,) = [line for line in log.told(event) if line["request_id"] == request_id]
    return line


@pytest.mark.parametrize(
    ("target", "fields", "status", "route", "refused"),
    [
        ("/live/readme.txt", "", 404, "/{stream}.flv", ("http-flv", "not_found", "")),
        ("/live/none.flv", "", 404, "/{stream}.flv", ("http-flv", "not_found", "live/none")),
        ("/live/none.flv", UPGRADE, 404, "/{stream}.flv", ("ws-flv", "not_found", "live/none")),
        ("/live/none.mp4", UPGRADE, 404, "/{stream}.flv", ("ws-mp4", "not_found", "live/none")),
        ("/live/no%20name.flv", "", 400, "/{stream}.flv", ("http-flv", "bad_name", "")),
        ("/live/none.m3u8", "", 404, "/{stream}.m3u8", ("hls", "not_found", "live/none")),
        ("/live/none/media.m3u8", "", 404, "/{stream}/media.m3u8", ("hls", "not_found", "live/none")),
        ("/live/none/1a2b-1.m4s", "", 404, "/{stream}/{file}", None),
    ],
)
async def test_every_answer_that_says_no_is_found_by_its_id(
    stage: HttpStage,
    autojump_clock: MockClock,
    target: str,
    fields: str,
    status: int,
    route: str,
    refused: tuple[str, str, str] | None,
) -> None:
    answer = await stage.connect().get(f"{target}?key={KEY}", fields)
    request_id = answer.fields["x-request-id"]
    assert answer.status == status
    line = only_line(stage.log, "request", request_id)
    assert (line["level"], line["method"], line["route"], line["status"]) == ("info", "GET", route, status)
    assert line["remote"] == "192.0.2.1:4000"
    assert str(line["conn"]).startswith("fanout0-")
    told = stage.log.told("play_refused")
    assert [(one["protocol"], one["reason"], one["stream"]) for one in told] == ([refused] if refused else [])
    assert all(
        (one["request_id"], one["conn"], one["remote"]) == (request_id, line["conn"], line["remote"])
        for one in told
    )
    assert sum(count for key, count in stage.report.told.items() if key[0] == "play_refused") == len(told)
    assert KEY not in str(stage.log.lines)


async def test_a_player_of_hls_without_the_key_is_told_of_in_every_way_it_asks(
    stage: HttpStage, autojump_clock: MockClock
) -> None:
    guarded = load(f'[play.play_keys]\nvan = "{hash_line(digest(KEY), None)}"\n', {})
    viewer, part = stage.connect(), stage.write_part(PART)
    assert (await viewer.get(MEDIA)).status == 200
    stage.audience.gate.reconfigure(stage.worker.config, guarded)
    answers = [await viewer.get(target) for target in (f"/{NAME}.m3u8", MEDIA, reload(0), part)]
    assert {answer.status for answer in answers} == {401}
    told = stage.log.told("play_refused")
    assert [line["request_id"] for line in told] == [answer.fields["x-request-id"] for answer in answers]
    assert {(line["reason"], line["stream"]) for line in told} == {("key_missing", NAME)}
    assert len(stage.log.told("request")) == 4


async def test_what_went_well_costs_no_line_unless_it_was_asked_for(
    stage: HttpStage, autojump_clock: MockClock
) -> None:
    viewer = stage.connect()
    assert (await viewer.get(MEDIA)).status == 200
    part = stage.write_part(PART)
    await trio.sleep(0.1)
    for target in ("/", reload(0), part, f"/play/{NAME}"):
        assert (await viewer.get(target)).status == 200
    assert stage.log.told("request") == []


async def test_at_debug_every_request_has_its_line_wherever_it_was_answered(
    stage: HttpStage, autojump_clock: MockClock, at_debug: None
) -> None:
    viewer = stage.connect()
    answers = [await viewer.get(target) for target in ("/", f"{MEDIA}?key={KEY}")]
    part = stage.write_part(PART)
    await trio.sleep(0.1)
    answers += [await viewer.get(target) for target in (reload(0), part, MEDIA)]
    viewer.ask(reload(1))  # held by its shelf, and answered in the shelf's task
    await trio.sleep(0.1)
    stage.write_part(PART)
    answers.append(await viewer.hear())
    assert {answer.status for answer in answers} == {200}
    lines = stage.log.told("request")
    assert [line["request_id"] for line in lines] == [answer.fields["x-request-id"] for answer in answers]
    assert [line["route"] for line in lines] == [
        "/",
        "/{stream}/media.m3u8",
        "/{stream}/media.m3u8",
        "/{stream}/{file}",
        "/{stream}/media.m3u8",
        "/{stream}/media.m3u8",
    ]
    assert {(line["level"], line["status"]) for line in lines} == {("debug", 200)}
    assert all(isinstance(line["ms"], float) for line in lines)
    assert KEY not in str(lines)


async def test_a_request_in_the_seat_that_is_not_understood_counts_and_has_an_id_of_its_own(
    stage: HttpStage, autojump_clock: MockClock
) -> None:
    viewer = stage.connect()
    before = await viewer.get(MEDIA)
    viewer.ask("not a target")
    answer = await viewer.hear()
    assert answer.status == 400
    assert answer.fields["x-request-id"] != before.fields["x-request-id"]
    assert only_line(stage.log, "request", answer.fields["x-request-id"])["status"] == 400
    assert stage.report.told["request", "GET", "/{unknown}", 400] == 1


async def test_who_did_not_wait_for_the_answer_is_told_of(
    stage: HttpStage, autojump_clock: MockClock
) -> None:
    viewer = stage.connect()
    await viewer.get(MEDIA)
    viewer.ask(reload(1))
    await trio.sleep(0.1)
    viewer.sock.shutdown(2)
    await trio.sleep(0.1)
    (line,) = stage.log.told("request")
    assert (line["level"], line["status"]) == ("info", 499)


async def test_over_http2_as_over_http1(autojump_clock: MockClock) -> None:
    async with connected() as play:
        found = {}
        for path in (b"/live/none.flv", b"/live/none.m3u8", b"/no/such/thing/at/all", b"/"):
            status, head, _ = await play.browser.get(request(path + b"?key=" + KEY.encode()))
            found[head["x-request-id"]] = status
        told = play.log.told("request")
        assert {line["request_id"]: line["status"] for line in told} == {
            request_id: status for request_id, status in found.items() if status >= 400
        }
        assert {line["level"] for line in told} == {"info"}
        (refused,) = play.log.told("play_refused")
        assert (refused["protocol"], refused["reason"], refused["stream"]) == (
            "http-flv",
            "not_found",
            "live/none",
        )
        assert refused["request_id"] in found
        assert refused["conn"] == told[0]["conn"]
        assert KEY not in str(play.log.lines)


async def test_over_http2_what_went_well_has_its_line_at_debug(
    autojump_clock: MockClock, at_debug: None
) -> None:
    async with connected() as play:
        _, head, _ = await play.browser.get(request(b"/"))
        (line,) = play.log.told("request")
        assert (line["level"], line["status"], line["route"]) == ("debug", 200, "/")
        assert line["request_id"] == head["x-request-id"]


async def test_over_http2_a_request_that_is_not_taken_has_its_line(autojump_clock: MockClock) -> None:
    async with connected() as play:
        status, head, _ = await play.browser.get(request(b"no path"))
        assert status == 400
        line = only_line(play.log, "request", head["x-request-id"])
        assert (line["level"], line["status"], line["route"]) == ("info", 400, "/{unknown}")
