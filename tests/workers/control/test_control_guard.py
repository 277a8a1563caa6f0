"""Who may use the API and read the metrics."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
import pytest

from engine.access.reasons import Action
from engine.config import Config, load
from tests.engine.access.guarded import KEY, NOW_S, OLD_KEY, guarded, token
from tests.workers.control.house import CountingMetrics, House, Lines
from workers.control.api import build_api
from workers.control.guard import Guard
from workers.control.requests import App, Requests
from workers.runtime.gate import Gate

STREAMS = "/api/v1/streams"


@asynccontextmanager
async def guarded_api(
    house: House,
    lines: Lines,
    config: Config,
    action: Action = "api",
    open_paths: tuple[str, ...] = (),
    counted: CountingMetrics | None = None,
) -> AsyncIterator[httpx.AsyncClient]:
    log, metrics = lines.logger(), counted or CountingMetrics()
    gate = Gate(config, clock=lambda: NOW_S)
    app = Guard(cast("App", build_api(house.desk, log)), gate, action, log, metrics, open_paths)
    transport = httpx.ASGITransport(app=cast("Any", Requests(app, log=log, metrics=metrics)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:1985") as opened:
        yield opened


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


async def test_whoever_shows_a_key_or_a_token_is_let_in(house: House, lines: Lines) -> None:
    async with guarded_api(house, lines, guarded("key", "jwt")) as api:
        assert (await api.get(STREAMS, headers=bearer(KEY))).status_code == 200
        assert (await api.get(STREAMS, headers=bearer(token(actions=["api"])))).status_code == 200
        assert (await api.get(STREAMS, auth=("anybody", KEY))).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        ({}, 401, "key_missing"),
        (bearer("wrong"), 401, "key_wrong"),
        (bearer(OLD_KEY), 401, "key_expired"),
        (bearer(token(actions=["play"])), 403, "wrong_action"),
        (bearer(token(actions=["metrics"])), 403, "wrong_action"),
        (bearer(token(actions=["api"], exp=1)), 401, "token_expired"),
    ],
)
async def test_everybody_else_hears_why_not(
    house: House,
    lines: Lines,
    counted: CountingMetrics,
    headers: dict[str, str],
    status: int,
    reason: str,
) -> None:
    async with guarded_api(house, lines, guarded("key", "jwt"), counted=counted) as api:
        for path in (STREAMS, "/api/v1/clients/fanout0-0000000000aa", "/schema/openapi.json", "/nowhere"):
            answer = await api.get(path, headers=headers)
            assert (answer.status_code, answer.json()["error"]) == (status, reason)
            assert answer.headers["x-request-id"]
            assert ("www-authenticate" in answer.headers) == (status == 401)
    refusals = counted.bind("fanlight_control_refusals_total", port="api", reason=reason)
    assert refusals.values == [1] * 4


async def test_a_password_is_asked_for_of_whoever_comes_with_nothing(house: House, lines: Lines) -> None:
    async with guarded_api(house, lines, guarded("key")) as api:
        nothing, wrong = await api.get(STREAMS), await api.get(STREAMS, headers=bearer("wrong"))
        assert [field.split()[0] for field in nothing.headers.get_list("www-authenticate")] == [
            "Basic",
            "Bearer",
        ]
        assert [field.split()[0] for field in wrong.headers.get_list("www-authenticate")] == ["Bearer"]


async def test_a_key_in_the_address_counts_for_nothing(house: House, lines: Lines) -> None:
    async with guarded_api(house, lines, guarded("key")) as api:
        assert (await api.get(f"{STREAMS}?key={KEY}")).status_code == 401


async def test_nobody_ends_a_connection_without_a_key(house: House, lines: Lines) -> None:
    async with guarded_api(house, lines, guarded("key")) as api:
        assert (await api.delete("/api/v1/clients/fanout0-0000000000aa")).status_code == 401


async def test_whether_the_engine_lives_is_told_to_everybody(house: House, lines: Lines) -> None:
    async with guarded_api(house, lines, guarded("key"), "metrics", ("/healthz",)) as api:
        assert (await api.get("/healthz")).status_code == 404  # of the API behind it: it was let through
        assert (await api.get("/metrics")).status_code == 401


async def test_address_lists_are_for_clients_behind_a_trusted_proxy_too(house: House, lines: Lines) -> None:
    config = load('[access]\ntrusted_proxies = ["127.0.0.1"]\n[api]\ndeny = ["192.0.2.9"]', {})
    async with guarded_api(house, lines, config) as api:
        assert (await api.get(STREAMS)).status_code == 200
        assert (await api.get(STREAMS, headers={"X-Forwarded-For": "192.0.2.9"})).status_code == 403


BAN = b'{"kind": "address", "value": "0.0.0.0/0"}'
FROM_A_PAGE = {"Origin": "http://evil.example", "Content-Type": "text/plain"}


@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        (FROM_A_PAGE, 403, "foreign_page"),
        ({"Sec-Fetch-Site": "cross-site", "Content-Type": "application/json"}, 403, "foreign_page"),
        ({"Host": "evil.example", "Content-Type": "application/json"}, 403, "unknown_host"),
        ({"Content-Type": "text/plain"}, 415, "not_json"),
        ({}, 415, "not_json"),
    ],
)
async def test_no_page_that_somebody_reads_bans_anybody(
    house: House,
    lines: Lines,
    counted: CountingMetrics,
    headers: dict[str, str],
    status: int,
    reason: str,
) -> None:
    async with guarded_api(house, lines, Config(), counted=counted) as api:
        answer = await api.post("/api/v1/bans", content=BAN, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (status, reason)
        assert (await api.get("/api/v1/bans")).json()["bans"] == []
    assert counted.bind("fanlight_control_refusals_total", port="api", reason=reason).values == [1]


async def test_a_page_is_refused_even_with_the_browsers_own_password(house: House, lines: Lines) -> None:
    async with guarded_api(house, lines, guarded("key")) as api:
        answer = await api.post("/api/v1/bans", content=BAN, headers=FROM_A_PAGE, auth=("anybody", KEY))
        assert (answer.status_code, answer.json()["error"]) == (403, "foreign_page")


async def test_a_proxy_with_a_name_of_its_own_reaches_an_api_that_asks_for_keys(
    house: House, lines: Lines
) -> None:
    async with guarded_api(house, lines, guarded("key")) as api:
        named = {"Host": "streams.example", **bearer(KEY)}
        assert (await api.get(STREAMS, headers=named)).status_code == 200


async def test_no_key_gets_into_the_log(house: House, lines: Lines) -> None:
    async with guarded_api(house, lines, guarded("key")) as api:
        for shown in (KEY, OLD_KEY, "a-wrong-key"):
            await api.get(STREAMS, headers=bearer(shown))
    text = str(lines.lines)
    assert "guest" in text
    for shown in (KEY, OLD_KEY, "a-wrong-key"):
        assert shown not in text
