"""Whoever is banned while a service decides about it is not let in, whatever the service says then."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import httpx
import pytest
import trio

from engine.access.bans import BanKind
from engine.config.key_table import hash_line
from engine.config.secret import digest
from engine.protocols.srt.rejections import Rejection
from tests.e2e.engine_process import RunningEngine, Settings
from tests.e2e.figures import scrape
from tests.e2e.hook_service import YES, Answer, Body, HookService, hook_service, hooked
from tests.e2e.hostile.counting import counted
from tests.e2e.hostile.strangers import codes, exchange, rtmp_request
from tests.e2e.media import Media, publishing
from tests.e2e.srt_client import SrtClient, call
from tests.e2e.test_bans import ban

pytestmark = pytest.mark.slow

PATIENCE_S: Final = 30.0
VAN, STUDIO = "the-key-of-the-van", "the-key-of-the-studio"
KEYS: Final[dict[str, object]] = {
    name: hash_line(digest(key), None) for name, key in (("van", VAN), ("studio", STUDIO))
}
NUMBERS: Final = count()


@pytest.fixture(scope="module")
def service() -> Iterator[HookService]:
    with hook_service() as made:
        yield made


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, service: HookService) -> Iterator[RunningEngine]:
    folder = tmp_path_factory.mktemp("deciding")
    settings: Settings = {
        **hooked(service, str(folder / "spool")),
        'paths."keyed/*".publish_keys': KEYS,
        'paths."keyed/*".play_keys': KEYS,
    }
    with RunningEngine(folder, settings) as running:
        yield running


@pytest.fixture
def name() -> str:
    """A stream's name that no other test has."""
    return f"cam{next(NUMBERS)}"


@contextmanager
def banned_meanwhile(engine: RunningEngine, service: HookService, kind: BanKind, name: str) -> Iterator[None]:
    """The service takes its time over the next client, and meanwhile somebody bans; its answer is yes."""
    value = {"address": "127.0.0.1", "key": "van", "stream": f"keyed/{name}"}[kind]
    made: list[str] = []

    def answer(body: Body) -> Answer:
        if body["action"] in ("on_publish", "on_play"):
            made.append(ban(engine, kind=kind, value=value)["id"])
        return YES

    service.answer = answer
    yield
    service.answer = lambda _body: YES
    (lifted,) = made
    engine.api(f"bans/{lifted}", method="DELETE")


@pytest.mark.parametrize("kind", ["address", "key", "stream"])
def test_a_publisher_is_not_let_in_over_rtmp_nor_srt(
    kind: BanKind, name: str, engine: RunningEngine, service: HookService
) -> None:
    before = scrape(engine)
    with banned_meanwhile(engine, service, kind, name):
        said = trio.run(exchange, engine, "rtmp", rtmp_request("publish", "keyed", f"{name}?key={VAN}"))
    assert codes(said)[-1] == "NetStream.Publish.BadName"
    caller = SrtClient(engine.addresses["srt"], call(f"publish:keyed/{name}?key={VAN}"))
    with banned_meanwhile(engine, service, kind, name), caller:
        assert caller.refused_with() == Rejection.FORBIDDEN
    assert counted(before, engine, "fanlight_publish_refusals_total", "banned", 2)
    assert not [line for line in engine.log.lines if line.get("event") == "publishing" and name in str(line)]
    service.check_balanced()


def test_a_player_is_not_let_in_over_any_protocol(
    name: str, engine: RunningEngine, service: HookService, ffmpeg: Path, media: Media
) -> None:
    with publishing(ffmpeg, media.h264, f"{engine.rtmp_url(f'keyed/{name}')}?key={STUDIO}"):
        engine.wait_for_stream(f"keyed/{name}", tags=20)
        before = scrape(engine)
        for form in ("flv", "m3u8"):
            url = f"http://{engine.addresses['http']}/keyed/{name}.{form}?key={VAN}"
            with banned_meanwhile(engine, service, "key", name):
                assert httpx.get(url, timeout=PATIENCE_S).status_code == 403, form
        with banned_meanwhile(engine, service, "key", name):
            said = trio.run(exchange, engine, "rtmp", rtmp_request("play", "keyed", f"{name}?key={VAN}"))
        assert codes(said)[-1] == "NetStream.Play.StreamNotFound"
        caller = SrtClient(engine.addresses["srt"], call(f"read:keyed/{name}?key={VAN}"))
        with banned_meanwhile(engine, service, "key", name), caller:
            assert caller.refused_with() == Rejection.FORBIDDEN
        assert counted(before, engine, "fanlight_play_refusals_total", "banned", 4)
