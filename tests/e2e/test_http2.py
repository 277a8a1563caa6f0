"""Playing over HTTP/2 out of a whole engine: the same films and playlists, many of them on one connection."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import trio

from engine.protocols.http2 import ErrorCode
from tests.e2e.conftest import StartEngine
from tests.e2e.engine_process import RunningEngine
from tests.e2e.figures import scrape, wait_for_figures
from tests.e2e.hls_client import TIMEOUT_S, HlsClient
from tests.e2e.hostile.strangers import stranger_over_tls
from tests.e2e.media import Media, finish, hash_file, publish, publishing
from tests.e2e.tls import over_tls, tls_section, trusting
from tests.engine.hls.rules import validate
from tests.engine.http2.talk import BEGIN, frame, headers, request, reset, window_update

pytestmark = pytest.mark.slow

AT_ONCE = 40
"""Requests that one connection has open."""


@pytest.fixture
def engine(start_engine: StartEngine, tmp_path: Path) -> RunningEngine:
    return start_engine({"http": {"head_timeout_s": 1.0}, "tls": tls_section(tmp_path)})


@pytest.fixture
def client(engine: RunningEngine) -> Iterator[HlsClient]:
    """Watches live/film on one connection."""
    with HlsClient(engine, "live/film") as watching:
        watching.http.close()
        limits = httpx.Limits(max_connections=1)
        watching.http = httpx.Client(
            timeout=TIMEOUT_S, http1=False, http2=True, limits=limits, verify=trusting()
        )
        watching.base = over_tls(engine, watching.base)
        yield watching


def test_a_film_arrives_packet_for_packet(
    engine: RunningEngine, client: HlsClient, ffmpeg: Path, media: Media, tmp_path: Path
) -> None:
    received = tmp_path / "received.flv"
    publisher = publish(ffmpeg, media.h264, engine.rtmp_url("live/film"))
    with client.http.stream("GET", f"{client.base}.flv?start=burst") as film, received.open("wb") as file:
        assert (film.status_code, film.http_version) == (200, "HTTP/2")
        for piece in film.iter_bytes():
            file.write(piece)
    finish(publisher)
    found, sent = hash_file(ffmpeg, received), hash_file(ffmpeg, media.h264)
    assert found.headers == sent.headers
    assert found.packets == sent.packets


def test_low_latency_hls_keeps_its_rules_on_one_connection(
    engine: RunningEngine, client: HlsClient, ffmpeg: Path, media: Media
) -> None:
    publisher = publish(ffmpeg, media.h264, engine.rtmp_url("live/film"))
    engine.wait_for_stream("live/film", tags=100)
    client.follow(6)
    name = client.hint
    with client.http.stream("GET", f"{client.base}/{name}") as growing:
        assert (growing.status_code, growing.http_version) == (200, "HTTP/2")
        assert "content-length" not in growing.headers
        grown = growing.read()
    whole = client.get(name)
    assert whole.content == grown
    assert int(whole.headers["content-length"]) == len(grown)
    client.follow(2, skip=True)
    segment = client.segments()[-1]
    content = client.get(segment).content
    assert client.get(segment, Range="bytes=10-19").content == content[10:20]
    assert client.get(segment, Range=f"bytes={len(content)}-").status_code == 416
    etag = client.get(segment).headers["etag"]
    assert client.get(segment, if_none_match=etag).status_code == 304
    finish(publisher)
    client.follow(3)
    assert validate(client.fetches) == []
    assert scrape(engine).sum("fanlight_connections_accepted_total", protocol="http2") == 1


async def test_many_reloads_are_held_on_one_connection(
    engine: RunningEngine, client: HlsClient, ffmpeg: Path, media: Media
) -> None:
    with publishing(ffmpeg, media.h264, engine.rtmp_url("live/film")):
        engine.wait_for_stream("live/film", tags=100)
        client.follow(1)
        answers = await ask_at_once(f"{client.base}/{client.hint}")
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        assert len({answer.headers["x-request-id"] for answer in answers}) == AT_ONCE
        now = scrape(engine)
        assert now.sum("fanlight_connections_accepted_total", protocol="http2") == 2
        assert now.sum("fanlight_http2_requests_total") >= AT_ONCE


async def ask_at_once(url: str) -> list[httpx.Response]:
    """Ask `AT_ONCE` times on one connection. By tasks: httpx opens streams out of order for threads."""
    answers = list[httpx.Response]()

    async def ask() -> None:
        answers.append(await http.get(url))

    limits = httpx.Limits(max_connections=1)
    async with (
        httpx.AsyncClient(
            timeout=TIMEOUT_S, http1=False, http2=True, limits=limits, verify=trusting()
        ) as http,
        trio.open_nursery() as nursery,
    ):
        for _ in range(AT_ONCE):
            nursery.start_soon(ask)
    return answers


ATTACKS = {
    "resets": b"".join(headers(n, request(b"/live/film.m3u8")) + reset(n) for n in range(1, 1001, 2)),
    "settings": 200 * frame(4),
    "pings": 500 * frame(6, 0, 0, bytes(8)),
    "window_updates": 3000 * window_update(0, 1),
    "body_frames": headers(1, request(), end=False) + 200 * frame(0, 0, 1),
    "continuations": frame(1, 1, 1, b"\x82") + 100 * frame(9, 0, 1),
    "other_frames": 1000 * frame(0xBB),
}


async def test_attacks_are_refused_and_counted_while_a_player_misses_nothing(
    engine: RunningEngine, client: HlsClient, ffmpeg: Path, media: Media, tmp_path: Path
) -> None:
    received = tmp_path / "received.flv"
    publisher = publish(ffmpeg, media.h264, engine.rtmp_url("live/film"))
    before = engine.pids()
    with client.http.stream("GET", f"{client.base}.flv?start=burst") as film, received.open("wb") as file:
        pieces = film.iter_bytes()
        file.write(next(pieces))
        for attack in ATTACKS.values():
            async with stranger_over_tls(engine, "https", "h2") as attacker:
                with suppress(OSError):  # the server need not hear it out
                    await attacker.say(BEGIN + attack)
                assert ErrorCode.ENHANCE_YOUR_CALM.to_bytes(8, "big")[4:] in await attacker.hear(b"too ")
        for piece in pieces:
            file.write(piece)
    finish(publisher)
    assert hash_file(ffmpeg, received).packets == hash_file(ffmpeg, media.h264).packets
    figures = scrape(engine)
    for flood in ATTACKS:
        assert figures.sum("fanlight_http2_floods_total", reason=flood) == 1, flood
    assert engine.pids() == before


async def test_who_never_asks_or_speaks_something_else_is_dropped(engine: RunningEngine) -> None:
    async with (
        stranger_over_tls(engine, "https", "h2") as silent,
        stranger_over_tls(engine, "https", "h2") as lost,
    ):
        await silent.say(BEGIN)
        await lost.say(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await lost.hear(b"this is not HTTP/2")
        await silent.hear()
    failures = "fanlight_handshake_failures_total"
    now = wait_for_figures(engine, lambda now: now.sum(failures, protocol="http2") == 2)
    assert now.sum(failures, protocol="http2", reason="timeout") == 1
    assert now.sum(failures, protocol="http2", reason="protocol_error") == 1
