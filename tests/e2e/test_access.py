"""Guarded streams in other ways than the matrix has them: HLS as a browser plays it, programmes, stream ids
with keys, addresses that are denied.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import httpx
import pytest
import trio

from engine.protocols.srt.rejections import Rejection
from tests.e2e.engine_process import RunningEngine
from tests.e2e.guarded_engine import PROGRAMME, RENDITION, Kind, credential, guarded_settings
from tests.e2e.hostile.strangers import codes, exchange, rtmp_request
from tests.e2e.media import Media, publishing
from tests.e2e.srt_client import House
from tests.engine.access.guarded import KEY

PATIENCE_S: Final = 30.0
KINDS: Final[tuple[Kind, ...]] = ("key", "signature", "jwt")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """One for all: each test has streams of its own."""
    with RunningEngine(tmp_path_factory.mktemp("engine"), guarded_settings()) as running:
        yield running


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
