"""Bans over the API: made, listed, lifted, over in time, and gone on with by the next control."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
import trio.testing

from tests.workers.control.house import CountingMetrics, House, Lines
from workers.control import bans
from workers.control.api import build_api
from workers.control.bans import Bans
from workers.control.models import NewBan
from workers.control.requests import SLOWED_S, App, Requests


@pytest.fixture
async def api(house: House, lines: Lines, counted: CountingMetrics) -> AsyncIterator[httpx.AsyncClient]:
    log = lines.logger()
    app = Requests(
        cast("App", build_api(house.desk, log)),
        log=log,
        metrics=counted,
        is_overloaded=lambda: house.staff.overload() >= 1,
    )
    transport = httpx.ASGITransport(app=cast("Any", app))
    async with httpx.AsyncClient(transport=transport, base_url="http://engine") as opened:
        yield opened


async def test_a_ban_is_made_listed_and_lifted(api: httpx.AsyncClient) -> None:
    wanted = {"kind": "address", "value": "192.0.2.7", "seconds": 60, "reason": "spam"}
    made = await api.post("/api/v1/bans", json=wanted)
    assert (made.status_code, made.json()["value"], made.json()["reason"]) == (201, "192.0.2.7/32", "spam")
    assert (await api.get("/api/v1/bans")).json()["bans"] == [made.json()]
    path = f"/api/v1/bans/{made.json()['id']}"
    assert (await api.delete(path)).status_code == 204
    assert (await api.delete(path)).status_code == 404
    assert (await api.get("/api/v1/bans")).json()["bans"] == []


async def test_a_key_is_banned_by_its_id(api: httpx.AsyncClient) -> None:
    made = await api.post("/api/v1/bans", json={"kind": "key", "value": "van"})
    assert (made.status_code, made.json()["kind"], made.json()["value"]) == (201, "key", "van")


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({"kind": "address", "value": "nowhere"}, "bad_ban"),
        ({"kind": "stream", "value": "live/.."}, "bad_ban"),
        ({"kind": "planet", "value": "mars"}, "bad_request"),
        ({"kind": "key", "value": "a line\nof its own"}, "bad_ban"),
        ({"kind": "stream", "value": "cam", "seconds": 0}, "bad_request"),
        ({"kind": "stream", "value": "cam", "colour": "red"}, "bad_request"),
        ({"kind": "stream"}, "bad_request"),
    ],
)
async def test_what_is_no_ban_is_refused_in_words(
    api: httpx.AsyncClient, wanted: dict[str, object], error: str
) -> None:
    answer = await api.post("/api/v1/bans", json=wanted)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.headers["x-request-id"]


def test_the_next_control_goes_on_with_them(tmp_path: Path) -> None:
    made = Bans(tmp_path).add(NewBan(kind="stream", value="cam", seconds=60))
    assert Bans(tmp_path).all() == [made]


def test_the_same_again_takes_the_place_of_the_first(tmp_path: Path) -> None:
    desk = Bans(tmp_path)
    desk.add(NewBan(kind="address", value="192.0.2.7", seconds=60))
    longer = desk.add(NewBan(kind="address", value="192.0.2.7/32"))
    assert desk.all() == [longer]


def test_a_ban_that_is_over_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Bans(tmp_path)
    desk.add(NewBan(kind="stream", value="cam", seconds=60))
    later_s = time.time() + 61
    monkeypatch.setattr(bans, "time", SimpleNamespace(time=lambda: later_s))
    assert desk.all() == []


async def test_there_is_an_end_to_bans(api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bans, "MAX_BANS", 2)
    answers = [
        await api.post("/api/v1/bans", json={"kind": "stream", "value": f"cam{number}"})
        for number in range(3)
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 409]
    assert answers[-1].json()["error"] == "too_many_bans"


async def test_while_a_worker_is_overloaded_looking_takes_longer_and_acting_does_not(
    house: House, api: httpx.AsyncClient, autojump_clock: trio.testing.MockClock
) -> None:
    async def seconds_of(method: str, path: str) -> float:
        began_s = trio.current_time()
        await api.request(method, path)
        return trio.current_time() - began_s

    assert await seconds_of("GET", "/api/v1/version") == 0
    house.board.worker(1).overload = 1
    assert await seconds_of("GET", "/api/v1/version") == pytest.approx(SLOWED_S)
    assert await seconds_of("DELETE", "/api/v1/bans/none") == 0
    workers = (await api.get("/api/v1/workers")).json()["workers"]
    assert [worker["overload"] for worker in workers] == [0, 1, 0, 0]
