"""The API as programs see it: shapes, refusals, request ids, figures; without a socket."""

import time
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest
import trio.testing

from shm.breakers import BreakerTable
from tests.workers.control.house import CountingMetrics, House, Lines, client
from workers.control.api import build_api
from workers.control.requests import App, Requests

PLAYER = "fanout0-0000000000aa"
PUBLISHER = "ingest0-000000000abc"


@pytest.fixture
async def api(house: House, lines: Lines, counted: CountingMetrics) -> AsyncIterator[httpx.AsyncClient]:
    log = lines.logger()
    app = Requests(cast("App", build_api(house.desk, log)), log=log, metrics=counted)
    transport = httpx.ASGITransport(app=cast("Any", app))
    async with httpx.AsyncClient(transport=transport, base_url="http://engine") as opened:
        yield opened


async def test_streams_and_one_stream_with_its_publisher(house: House, api: httpx.AsyncClient) -> None:
    house.publish("live/a")
    house.bus.clients[0] = [client(PUBLISHER, role="publisher")]
    listed = (await api.get("/api/v1/streams")).json()["streams"]
    assert [stream["name"] for stream in listed] == ["live/a"]
    detail = (await api.get("/api/v1/streams/live/a")).json()
    assert detail["stream"]["video"]["codec"] == "avc1"
    assert (detail["publisher"]["id"], detail["missing"]) == (PUBLISHER, [])


async def test_programmes_are_listed(house: House, api: httpx.AsyncClient) -> None:
    house.publish("live/final_480")
    (programme,) = (await api.get("/api/v1/programmes")).json()["programmes"]
    assert (programme["name"], programme["origin"]) == ("live/final", "configuration")
    assert [(one["stream"], one["state"]) for one in programme["renditions"]] == [
        ("live/final_1080", None),
        ("live/final_480", "live"),
    ]


@pytest.mark.parametrize("name", ["live/a/b/c", "a"])
async def test_names_of_one_to_four_segments_are_found(
    house: House, api: httpx.AsyncClient, name: str
) -> None:
    house.publish("live/a/b/c")
    house.publish("live/a")
    answer = await api.get(f"/api/v1/streams/{name}")
    assert answer.json()["stream"]["name"] == ("live/a" if name == "a" else name)


async def test_a_hanging_ingest_leaves_the_stream_visible(
    house: House, api: httpx.AsyncClient, autojump_clock: trio.testing.MockClock
) -> None:
    house.publish("live/a")
    house.bus.silent = {0}
    detail = (await api.get("/api/v1/streams/live/a")).json()
    assert detail["stream"]["name"] == "live/a"
    assert (detail["publisher"], detail["missing"]) == (None, ["ingest0"])


async def test_a_client_is_listed_shown_and_ended(house: House, api: httpx.AsyncClient) -> None:
    house.bus.clients[1] = [client(PLAYER)]
    page = (await api.get("/api/v1/clients", params={"stream": "live/a", "limit": 1})).json()
    assert [one["id"] for one in page["clients"]] == [PLAYER]
    assert (await api.get(f"/api/v1/clients/{PLAYER}")).json()["user_agent"] == "VLC"
    ended = await api.delete(f"/api/v1/clients/{PLAYER}")
    assert (ended.status_code, ended.content) == (204, b"")
    assert (await api.delete(f"/api/v1/clients/{PLAYER}")).status_code == 404


async def test_workers_version_and_schema(api: httpx.AsyncClient) -> None:
    workers = (await api.get("/api/v1/workers")).json()["workers"]
    assert [worker["name"] for worker in workers] == ["ingest0", "fanout0", "fanout1", "control0"]
    assert (await api.get("/api/v1/version")).json()["name"] == "fanlight"
    paths = (await api.get("/schema/openapi.json")).json()["paths"]
    assert {"/api/v1/streams", "/api/v1/clients/{client_id}"} <= paths.keys()


async def test_breakers_are_listed(house: House, api: httpx.AsyncClient) -> None:
    assert (await api.get("/api/v1/breakers")).json() == {"breakers": []}
    entry = BreakerTable(house.board.worker(1)).claim("hooks")
    assert entry is not None
    entry.move(2, 3_600_000_000_000, time.monotonic_ns())
    (shown,) = (await api.get("/api/v1/breakers")).json()["breakers"]
    assert (shown["dependency"], shown["worker"], shown["state"]) == ("hooks", "fanout0", "open")
    assert 0 < shown["retry_in_s"] <= 3600


async def test_there_are_no_pages_that_fetch_scripts_from_elsewhere(api: httpx.AsyncClient) -> None:
    for page in ("swagger", "redoc", "elements", "rapidoc"):
        answer = await api.get(f"/schema/{page}")
        assert answer.status_code == 404
        assert "src=" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/api/v1/streams/live/nobody", 404, "not_found"),
        ("GET", "/api/v1/streams/live/a%00b", 400, "bad_name"),
        ("GET", "/api/v1/streams/a/b/c/d/e", 400, "bad_name"),
        ("GET", "/api/v1/clients?stream=%2e%2e/x", 400, "bad_name"),
        ("GET", "/api/v1/clients?limit=0", 400, "bad_request"),
        ("GET", "/api/v1/clients?limit=many", 400, "bad_request"),
        ("GET", f"/api/v1/clients?after={'x' * 129}", 400, "bad_request"),
        ("GET", "/api/v1/clients/nobody", 404, "not_found"),
        ("POST", "/api/v1/streams", 405, "method_not_allowed"),
        ("BREW", "/api/v1/streams", 405, "method_not_allowed"),
    ],
)
async def test_refusals_are_json_and_say_what_is_wrong(
    api: httpx.AsyncClient, method: str, path: str, status: int, error: str
) -> None:
    answer = await api.request(method, path)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["detail"]
    assert answer.json().keys() == {"error", "detail"}
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_parameter_out_of_bounds_is_named(api: httpx.AsyncClient) -> None:
    answer = await api.get("/api/v1/clients?limit=0")
    assert answer.json()["detail"] == "limit: Expected `int` >= 1"


async def test_a_deeply_nested_body_harms_nobody(api: httpx.AsyncClient) -> None:
    answer = await api.request("DELETE", "/api/v1/clients/nobody", content=b"[" * 60_000)
    assert answer.status_code == 404


async def test_a_fault_of_ours_shows_nothing_of_our_insides(
    house: House, api: httpx.AsyncClient, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(now_ns: int) -> None:
        raise RuntimeError("secret insides")

    monkeypatch.setattr(house.staff, "all", fail)
    answer = await api.get("/api/v1/workers", headers={"x-request-id": "r-1"})
    assert (answer.status_code, answer.json()["error"]) == (500, "internal_server_error")
    assert "insides" not in answer.text
    assert "Traceback" not in answer.text
    failure = next(line for line in lines.lines if line["event"] == "request_failed")
    assert failure["request_id"] == "r-1"


@pytest.mark.parametrize("given", ["abc-1.2_Z", "a" * 64])
async def test_a_sound_request_id_comes_back_and_is_logged(
    api: httpx.AsyncClient, lines: Lines, given: str
) -> None:
    answer = await api.get("/api/v1/version", headers={"x-request-id": given})
    assert answer.headers["x-request-id"] == given
    assert lines.lines[-1]["request_id"] == given


async def test_who_only_looks_and_finds_does_not_fill_the_log(api: httpx.AsyncClient, lines: Lines) -> None:
    await api.get("/api/v1/version")
    await api.get("/api/v1/clients/nobody")
    await api.delete("/api/v1/clients/nobody")
    told = [line["level"] for line in lines.lines if line["event"] == "request"]
    assert told == ["debug", "info", "info"]


@pytest.mark.parametrize("given", ["", "a" * 65, "a b", 'a"b', "ä"])
async def test_an_unsound_request_id_is_replaced(api: httpx.AsyncClient, given: str) -> None:
    answer = await api.get("/api/v1/version", headers={b"x-request-id": given.encode("latin-1")})
    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 16


async def test_requests_are_counted_by_route_and_never_by_path(
    api: httpx.AsyncClient, counted: CountingMetrics, lines: Lines
) -> None:
    await api.get("/api/v1/clients/nobody")
    await api.get("/some/strangers/path")
    await api.request("BREW", "/api/v1/version")
    assert counted.labels("fanlight_http_requests_total") == [
        {"method": "GET", "route": "/api/v1/clients/{client_id}", "status": "404"},
        {"method": "GET", "route": "unmatched", "status": "404"},
        {"method": "other", "route": "unmatched", "status": "405"},
    ]
    assert counted.labels("fanlight_http_request_seconds")[0] == {
        "method": "GET",
        "route": "/api/v1/clients/{client_id}",
    }
    assert [line["status"] for line in lines.lines] == [404, 404, 405]


async def test_head_is_answered_like_get_without_the_body(api: httpx.AsyncClient) -> None:
    whole, head = await api.get("/api/v1/version"), await api.head("/api/v1/version")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]


async def test_hooks_are_shown_with_what_waits(house: House, api: httpx.AsyncClient) -> None:
    shown = (await api.get("/api/v1/hooks")).json()
    assert (shown["queued"], shown["services"][0]["url"]) == (3, "http://a.example/hook")
