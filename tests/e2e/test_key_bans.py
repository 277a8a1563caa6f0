"""A key that is banned: whoever came with it goes, on every protocol, and stays out while the ban holds."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Final

import httpx
import pytest
import trio

from engine.config.key_table import hash_line
from engine.config.secret import digest
from engine.protocols.srt.rejections import Rejection
from tests.e2e.children import start
from tests.e2e.clients import Player, url_of
from tests.e2e.engine_process import RunningEngine, Settings
from tests.e2e.figures import scrape
from tests.e2e.hostile.counting import counted
from tests.e2e.hostile.strangers import codes, exchange, http_request, rtmp_request, status_of
from tests.e2e.media import Media, command, publishing
from tests.e2e.srt_client import SrtClient, call
from tests.e2e.srt_tools import Films, plain_url
from tests.e2e.test_bans import ban
from tests.e2e.wires import HTTP, PROTOCOLS

pytestmark = pytest.mark.slow

END_S: Final = 30.0
PATIENCE_S: Final = 30.0
VAN, STUDIO = "the-key-of-the-van", "the-key-of-the-studio"
KEYS: Final[dict[str, object]] = {
    name: hash_line(digest(key), None) for name, key in (("van", VAN), ("studio", STUDIO))
}
FOREVER: Final = ("-re", "-stream_loop", "-1", "-i")
NUMBERS: Final = count()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    settings: Settings = {'paths."keyed/*".publish_keys': KEYS, 'paths."keyed/*".play_keys': KEYS}
    with RunningEngine(tmp_path_factory.mktemp("keys"), settings) as running:
        yield running


@pytest.fixture
def studio(engine: RunningEngine, ffmpeg: Path, media: Media) -> Iterator[str]:
    """A stream of the other key, on air, of a name that no other test has."""
    name = f"keyed/studio{next(NUMBERS)}"
    with publishing(ffmpeg, media.h264, f"{engine.rtmp_url(name)}?key={STUDIO}"):
        engine.wait_for_stream(name, tags=20)
        yield name


def keys_of(engine: RunningEngine, role: str, *names: str) -> list[tuple[str, str]]:
    """Who is there of these streams, as the API has it: streams and keys."""
    clients = engine.api("clients")["clients"]
    there = [one for one in clients if one["role"] == role and one["stream"] in names]
    return sorted((one["stream"], one["key"]) for one in there)


def test_its_publishers_go_over_rtmp_and_srt_and_another_keys_does_not(
    studio: str, engine: RunningEngine, ffmpeg: Path, media: Media, films: Films
) -> None:
    names = ("keyed/rtmp", "keyed/srt", studio)
    rtmp = f"{engine.rtmp_url('keyed/rtmp')}?key={VAN}"
    srt = plain_url(engine, f"publish:keyed/srt?key={VAN}")
    children = [
        start(command(ffmpeg, *FOREVER, media.h264, "-c", "copy", "-f", "flv", rtmp)),
        start(command(ffmpeg, *FOREVER, films.h264, "-c", "copy", "-f", "mpegts", srt)),
    ]
    for name in names:
        engine.wait_for_stream(name, tags=20)
    assert keys_of(engine, "publisher", *names) == list(zip(names, ("van", "van", "studio"), strict=True))
    before = scrape(engine)
    made = ban(engine, kind="key", value="van", reason="a test")
    for child in children:
        child.communicate(timeout=END_S)
    assert counted(before, engine, "fanlight_publishes_ended_total", "kicked", 2)
    assert keys_of(engine, "publisher", *names) == [(studio, "studio")]
    said = trio.run(exchange, engine, "rtmp", rtmp_request("publish", "keyed", f"rtmp?key={VAN}"))
    assert codes(said)[-1] == "NetStream.Publish.BadName"
    with SrtClient(engine.addresses["srt"], call(f"publish:keyed/srt?key={VAN}")) as caller:
        assert caller.refused_with() == Rejection.FORBIDDEN
    assert counted(before, engine, "fanlight_publish_refusals_total", "banned", 2)
    engine.api(f"bans/{made['id']}", method="DELETE")
    with publishing(ffmpeg, media.h264, rtmp):
        engine.wait_for_stream("keyed/rtmp", tags=20)


async def test_its_players_go_and_another_keys_do_not(studio: str, engine: RunningEngine) -> None:
    theirs = [Player(protocol, f"{url_of(engine, protocol, studio)}?key={VAN}") for protocol in PROTOCOLS]
    other = Player(HTTP, f"{url_of(engine, HTTP, studio)}?key={STUDIO}")
    caller = SrtClient(engine.addresses["srt"], call(f"read:{studio}?key={VAN}"))
    with ExitStack() as stack:
        stack.enter_context(caller)
        async with trio.open_nursery() as nursery:
            for player in (*theirs, other):
                await nursery.start(player.play)
                await player.until(lambda player: bool(player.tags))
            await trio.to_thread.run_sync(caller.wait_received)
            assert keys_of(engine, "player", studio) == [(studio, "studio"), *[(studio, "van")] * 4]
            before = scrape(engine)
            made = ban(engine, kind="key", value="van")
            for player in theirs:
                await player.ended()
            await trio.to_thread.run_sync(caller.closed_by_peer)
            await other.until_more(20)
            nursery.cancel_scope.cancel()
    assert counted(before, engine, "fanlight_players_ended_total", "banned", 4)
    base = f"http://{engine.addresses['http']}/{studio}"
    assert [status(f"{base}.{form}?key={VAN}") for form in ("flv", "m3u8")] == [403, 403]
    page = await exchange(engine, "http", http_request(f"/?key={VAN}".encode(), b"Connection: close"))
    assert (status_of(page), studio.encode() in page) == (200, False)
    said = await exchange(
        engine, "rtmp", rtmp_request("play", "keyed", f"{studio.removeprefix('keyed/')}?key={VAN}")
    )
    assert codes(said)[-1] == "NetStream.Play.Failed"
    assert counted(before, engine, "fanlight_play_refusals_total", "banned", 3)
    engine.api(f"bans/{made['id']}", method="DELETE")


def status(url: str) -> int:
    """The status of an answer that ends."""
    return httpx.get(url, timeout=PATIENCE_S).status_code


def test_it_stops_a_player_of_hls_at_its_next_request(studio: str, engine: RunningEngine) -> None:
    top = f"http://{engine.addresses['http']}/{studio}.m3u8"
    with httpx.Client(timeout=PATIENCE_S) as client:
        uri = next(
            line for line in client.get(f"{top}?key={VAN}").text.splitlines() if not line.startswith("#")
        )
        playlist = httpx.URL(top).join(uri)
        assert client.get(playlist).status_code == 200
        made = ban(engine, kind="key", value="van", seconds=600)
        assert client.get(playlist).status_code == 403
        engine.api(f"bans/{made['id']}", method="DELETE")
        assert client.get(playlist).status_code == 200
