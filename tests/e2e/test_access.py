"""Who may publish and play, with real clients on every protocol: let in with what opens, refused with what
does not, each protocol in its own words, each refusal counted by its reason.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx
import pytest
import trio
from trio_websocket import open_websocket_url

from engine.access.reasons import needs_credentials
from engine.protocols.srt.rejections import Rejection
from tests.certificates import write_pair
from tests.e2e.children import ended, start
from tests.e2e.engine_process import RunningEngine
from tests.e2e.figures import wait_for_figures
from tests.e2e.guarded_engine import (
    PROGRAMME,
    RENDITION,
    Kind,
    credential,
    guarded_settings,
    refused_credentials,
)
from tests.e2e.hostile.strangers import codes, exchange, rtmp_request, status_of, upgrade_request
from tests.e2e.media import Media, command, publishing, run
from tests.e2e.srt_client import House
from tests.e2e.srt_tools import Films
from tests.engine.access.guarded import KEY

PATIENCE_S: Final = 30.0
KINDS: Final[tuple[Kind, ...]] = ("key", "signature", "jwt")
FRAMES: Final = 20
UNVERIFIED: Final = ("-tls_verify", "0")
PUBLISH: Final = "fanlight_publish_refusals_total"
PLAY: Final = "fanlight_play_refusals_total"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """One for all: each test has streams of its own."""
    folder = tmp_path_factory.mktemp("engine")
    ports = {"https": "127.0.0.1:0", "rtmps": "127.0.0.1:0"}
    with RunningEngine(folder, guarded_settings() | {"tls": write_pair(folder) | ports}) as running:
        yield running


def addresses(engine: RunningEngine, name: str, query: str) -> dict[str, str]:
    """Where a player plays it, by protocol."""
    rtmp, http, srt = (engine.addresses[kind] for kind in ("rtmp", "http", "srt"))
    return {
        "rtmp": f"rtmp://{rtmp}/{name}?{query}",
        "rtmps": f"rtmps://{engine.addresses['rtmps']}/{name}?{query}",
        "http-flv": f"http://{http}/{name}.flv?{query}",
        "https-flv": f"https://{engine.addresses['https']}/{name}.flv?{query}",
        "hls": f"http://{http}/{name}.m3u8?{query}",
        "srt": f"srt://{srt}?streamid={quote(f'read:{name}?{query}')}",
    }


def plays(ffmpeg: Path, url: str) -> bool:
    """Whether ffmpeg gets pictures there."""
    options = UNVERIFIED if url.startswith(("rtmps", "https")) else ()
    few = ("-map", "0:v", "-c", "copy", "-frames:v", str(FRAMES))
    said = run(ffmpeg, *options, "-i", url, *few, "-f", "framehash", "-hash", "sha256", "-").decode()
    return len([line for line in said.splitlines() if not line.startswith("#")]) == FRAMES


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_ffmpeg_publishes_and_plays_with_what_opens(
    kind: Kind, engine: RunningEngine, ffmpeg: Path, media: Media
) -> None:
    name = f"guarded/{kind}"
    url = f"{engine.rtmp_url(name)}?{credential(kind, 'publish', name)}"
    with publishing(ffmpeg, media.h264, url):
        engine.wait_for_stream(name, tags=30)
        for protocol, url in addresses(engine, name, credential(kind, "play", name)).items():
            assert plays(ffmpeg, url), protocol


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_ffmpeg_publishes_over_rtmps_and_srt_with_what_opens(
    kind: Kind, engine: RunningEngine, ffmpeg: Path, media: Media, films: Films
) -> None:
    over_tls, over_srt = f"guarded/tls-{kind}", f"guarded/srt-{kind}"
    rtmps = f"rtmps://{engine.addresses['rtmps']}/{over_tls}?{credential(kind, 'publish', over_tls)}"
    stream_id = quote(f"publish:{over_srt}?{credential(kind, 'publish', over_srt)}")
    srt = f"srt://{engine.addresses['srt']}?streamid={stream_id}"
    loop: list[str | Path] = ["-re", "-stream_loop", "-1", "-i"]
    tls_arguments = [*loop, media.h264, "-c", "copy", *UNVERIFIED, "-f", "flv", rtmps]
    srt_arguments = [*loop, films.h264, "-c", "copy", "-f", "mpegts", srt]
    with ended(start(command(ffmpeg, *tls_arguments))), ended(start(command(ffmpeg, *srt_arguments))):
        engine.wait_for_stream(over_tls, tags=30)
        engine.wait_for_stream(over_srt, tags=30)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_browser_that_shows_it_once_gets_all_of_hls_and_nobody_else_does(
    kind: Kind, engine: RunningEngine, ffmpeg: Path, media: Media
) -> None:
    name = f"guarded/hls-{kind}"
    with publishing(ffmpeg, media.h264, f"{engine.rtmp_url(name)}?{credential(kind, 'publish', name)}"):
        engine.wait_for_stream(name, tags=30)
        shown = credential(kind, "play", name)
        base = f"http://{engine.addresses['http']}/guarded/"
        with httpx.Client(timeout=PATIENCE_S, base_url=base) as client:
            top = client.get(f"{name.removeprefix('guarded/')}.m3u8?{shown}")
            (media_uri,) = uris(top.text)
            playlist = client.get(media_uri)
            files = uris(playlist.text)
            assert len(files) > 3
            folder = media_uri.partition("/")[0]
            # The hinted part is not there yet, and waited for: it shows what it has to as well.
            found = {uri: client.get(f"{folder}/{uri}") for uri in [*files[:4], *files[-1:]]}
            assert {answer.status_code for answer in found.values()} == {200}
            for answer in (top, playlist, *found.values()):
                assert answer.headers["cache-control"].startswith("private")
            bare = [media_uri.partition("?")[0], *(f"{folder}/{uri.partition('?')[0]}" for uri in files)]
            assert {client.get(uri).status_code for uri in bare} == {401}
            with_field = client.get(bare[0], headers={"Authorization": f"Bearer {KEY}"})
            assert with_field.status_code == 200
            assert "?" not in with_field.text


@pytest.mark.slow
def test_a_link_for_a_programme_opens_its_renditions(
    engine: RunningEngine, ffmpeg: Path, media: Media
) -> None:
    with publishing(ffmpeg, media.h264, f"{engine.rtmp_url(RENDITION)}?key={KEY}"):
        engine.wait_for_stream(RENDITION, tags=30)
        base = f"http://{engine.addresses['http']}/guarded/"
        with httpx.Client(timeout=PATIENCE_S, base_url=base) as client:
            shown = credential("signature", "play", PROGRAMME)
            (media_uri,) = uris(client.get(f"final.m3u8?{shown}").text)
            assert media_uri.startswith("final_480/media.m3u8?exp=")
            playlist = client.get(media_uri)
            assert playlist.status_code == 200
            assert client.get(f"final_480/{uris(playlist.text)[0]}").status_code == 200
            other = credential("signature", "play", "guarded/other")
            assert client.get(f"final_480/media.m3u8?{other}").status_code == 403
            assert client.get(f"final.m3u8?{credential('signature', 'play', RENDITION)}").status_code == 403


def uris(playlist: str) -> list[str]:
    """Every address in a playlist."""
    found = re.findall(r'^([^#\n].*)$|URI="([^"]+)"', playlist, re.MULTILINE)
    return [one or other for one, other in found]


def test_what_asks_nobody_is_cached_as_ever(engine: RunningEngine, ffmpeg: Path, media: Media) -> None:
    with publishing(ffmpeg, media.h264, engine.rtmp_url("live/free")):
        engine.wait_for_stream("live/free", tags=30)
        answer = httpx.get(f"http://{engine.addresses['http']}/live/free.m3u8?key=x", timeout=PATIENCE_S)
        assert answer.headers["cache-control"].startswith("public")
        assert "key=x" not in answer.text


async def test_websockets_play_with_what_opens_and_are_refused_without(
    engine: RunningEngine, ffmpeg: Path, media: Media
) -> None:
    name = "guarded/websocket"
    with publishing(ffmpeg, media.h264, f"{engine.rtmp_url(name)}?{credential('key', 'publish', name)}"):
        await trio.to_thread.run_sync(lambda: engine.wait_for_stream(name, tags=30))
        for kind in KINDS:
            url = f"{engine.ws_url(name)}?{credential(kind, 'play', name)}"
            with trio.fail_after(PATIENCE_S):
                async with open_websocket_url(url) as connection:
                    message = await connection.get_message()
            assert bytes(message)[:3] == b"FLV"  # type: ignore[arg-type]  # media comes in binary messages
        for query, reason in refused_credentials("play", name).values():
            answer = await exchange(engine, "http", upgrade_request(f"/{name}.flv?{query}".encode()))
            assert status_of(answer) == status_for(reason)


def status_for(reason: str) -> int:
    return 401 if needs_credentials(reason) else 403  # type: ignore[arg-type]  # the reasons are literals


@pytest.mark.parametrize("action", ["publish", "play"])
async def test_rtmp_refuses_everything_else_in_its_own_words(action: str, engine: RunningEngine) -> None:
    name = f"rtmp-refused-{action}"
    wanted = "NetStream.Publish.BadName" if action == "publish" else "NetStream.Play.Failed"
    refused = refused_credentials(action, f"guarded/{name}")  # type: ignore[arg-type]  # a literal
    before = await trio.to_thread.run_sync(refusals, engine, action, "rtmp")
    for query, _ in refused.values():
        answer = await exchange(engine, "rtmp", rtmp_request(action, "guarded", f"{name}?{query}"))  # type: ignore[arg-type]  # a literal
        assert codes(answer)[-1] == wanted
    await trio.to_thread.run_sync(assert_counted, engine, action, "rtmp", before, refused)


@pytest.mark.parametrize("form", ["flv", "m3u8", "media"])
def test_http_refuses_everything_else_in_its_own_words(form: str, engine: RunningEngine) -> None:
    name = f"guarded/http-refused-{form}"
    path = f"{name}/media.m3u8" if form == "media" else f"{name}.{form}"
    protocol = "http-flv" if form == "flv" else "hls"
    refused = refused_credentials("play", name)
    before = refusals(engine, "play", protocol)
    for query, reason in refused.values():
        answer = httpx.get(f"http://{engine.addresses['http']}/{path}?{query}", timeout=PATIENCE_S)
        assert answer.status_code == status_for(reason), reason
        assert ("www-authenticate" in answer.headers) == (answer.status_code == 401)
    assert_counted(engine, "play", protocol, before, refused)


@pytest.mark.parametrize("action", ["publish", "play"])
def test_srt_refuses_everything_else_with_its_codes(action: str, engine: RunningEngine) -> None:
    name = f"guarded/srt-refused-{action}"
    mode = "publish" if action == "publish" else "read"
    refused = refused_credentials(action, name)  # type: ignore[arg-type]  # a literal
    before = refusals(engine, action, "srt")
    with ExitStack() as callers:
        house = House(engine, callers)
        called = {reason: house.caller(f"{mode}:{name}?{query}") for query, reason in refused.values()}
        for reason, caller in called.items():
            again = status_for(reason) == 401
            assert caller.refused_with() == (Rejection.UNAUTHORIZED if again else Rejection.FORBIDDEN), reason
    assert sum(refusals(engine, action, "srt").values()) >= sum(before.values()) + len(called)


def test_keyed_stream_ids_show_keys_links_and_tokens(engine: RunningEngine) -> None:
    with ExitStack() as callers:
        house = House(engine, callers)
        for number, kind in enumerate(KINDS):
            name = f"guarded/keyed{number}"
            shown = credential(kind, "publish", name).replace("&", ",")
            assert house.caller(f"#!::r={name},m=publish,u=anybody,{shown}").refused_with() is None
        by_password = house.caller(f"#!::r=guarded/keyed9,m=publish,u=anybody,s={KEY}")
        assert by_password.refused_with() is None


def test_addresses_that_are_denied_are_denied_everywhere(engine: RunningEngine) -> None:
    http = httpx.get(f"http://{engine.addresses['http']}/denied/cam.flv", timeout=PATIENCE_S)
    assert (http.status_code, "www-authenticate" in http.headers) == (403, False)
    for verb, wanted in (("publish", "NetStream.Publish.BadName"), ("play", "NetStream.Play.Failed")):
        answer = trio.run(exchange, engine, "rtmp", rtmp_request(verb, "denied", "cam"))  # type: ignore[arg-type]
        assert codes(answer)[-1] == wanted
    with ExitStack() as callers:
        assert House(engine, callers).caller("publish:denied/cam").refused_with() == Rejection.FORBIDDEN


def refusals(engine: RunningEngine, action: str, protocol: str) -> dict[str, float]:
    """Refusals so far, by reason."""
    figure = PUBLISH if action == "publish" else PLAY
    samples = wait_for_figures(engine, lambda figures: True).samples
    return {
        sample.labels["reason"]: sample.value
        for sample in samples
        if sample.name == figure and sample.labels["protocol"] == protocol
    }


def assert_counted(
    engine: RunningEngine,
    action: str,
    protocol: str,
    before: dict[str, float],
    refused: dict[str, tuple[str, str]],
) -> None:
    """Each refusal is in the counter of its reason."""
    reasons = [reason for _, reason in refused.values()]
    wanted = {reason: before.get(reason, 0) + reasons.count(reason) for reason in reasons}
    after = refusals(engine, action, protocol)
    assert {reason: after.get(reason) for reason in wanted} == wanted
