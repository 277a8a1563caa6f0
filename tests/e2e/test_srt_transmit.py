"""libsrt's own tool, srt-live-transmit, publishes and plays: plain, encrypted, with a passphrase per key."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from engine.protocols.srt.rejections import Rejection
from tests.e2e.elementary import check_run, frames_of
from tests.e2e.engine_process import RunningEngine
from tests.e2e.srt_client import House
from tests.e2e.srt_tools import Films, plain_url, record_raw, transmit_film

END_S: Final = 20.0
DEFAULT: Final = "correct horse battery"
VAN: Final = "passphrase of the van"
BUS: Final = "passphrase of the bus"
VAN_KEY, BUS_KEY, PUBLISH_KEY = "key-of-the-van", "key-of-the-bus", "sesame"

SETTINGS: Final[dict[str, dict[str, object]]] = {
    'paths."live/secret*"': {"srt_passphrase": DEFAULT},
    'paths."live/keys*".srt.passphrases': {VAN_KEY: VAN, BUS_KEY: BUS},
    'paths."live/both*"': {"srt_passphrase": DEFAULT, "publish_key": PUBLISH_KEY},
    'paths."live/both*".srt.passphrases': {VAN_KEY: VAN},
}

# How each is published and played: stream ids (a URL ends at an ampersand) and options.
WAYS: Final[dict[str, tuple[tuple[str, dict[str, object]], tuple[str, dict[str, object]]]]] = {
    "live/open": (("publish:live/open", {}), ("read:live/open", {})),
    "live/secret": (
        ("publish:live/secret", {"passphrase": DEFAULT, "pbkeylen": 24}),
        ("read:live/secret", {"passphrase": DEFAULT}),
    ),
    "live/keys": (
        (f"publish:live/keys?key={VAN_KEY}", {"passphrase": VAN, "pbkeylen": 32}),
        (f"read:live/keys:ann:{BUS_KEY}", {"passphrase": BUS}),
    ),
    "live/both": (
        (f"#!::m=publish,r=live/both,key={PUBLISH_KEY},s={VAN_KEY}", {"passphrase": VAN}),
        ("read:live/both?start=burst", {"passphrase": DEFAULT}),
    ),
}

# Stream ids and passphrases that do not go together, and what the caller hears.
REFUSALS: Final[dict[tuple[str, str], Rejection]] = {
    (f"publish:live/keys1?key={VAN_KEY}", BUS): Rejection.BAD_SECRET,
    (f"publish:live/keys1?key={VAN_KEY}", ""): Rejection.UNSECURE,
    ("publish:live/keys1?key=another", VAN): Rejection.BAD_SECRET,
    ("publish:live/keys1", VAN): Rejection.BAD_SECRET,
    ("publish:live/keys1", ""): Rejection.UNSECURE,
    (f"publish:live/both1?key={VAN_KEY}", VAN): Rejection.UNAUTHORIZED,
    (f"publish:live/both1?key={PUBLISH_KEY}", VAN): Rejection.BAD_SECRET,
    (f"publish:live/both1?key={PUBLISH_KEY}&key={VAN_KEY}", DEFAULT): Rejection.BAD_SECRET,
    (f"read:live/keys?key={BUS_KEY}", VAN): Rejection.BAD_SECRET,
    ("read:live/keys", DEFAULT): Rejection.BAD_SECRET,
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    with RunningEngine(tmp_path_factory.mktemp("engine"), SETTINGS) as running:
        yield running


@pytest.mark.slow
def test_films_go_through_as_they_are_whatever_the_key(
    engine: RunningEngine, ffmpeg: Path, films: Films, tmp_path: Path
) -> None:
    sending, runs = [], []
    for (stream_id, options), _ in WAYS.values():
        sending.append(transmit_film(ffmpeg, films.h264, plain_url(engine, stream_id, **options)))
    for name, (_, (stream_id, options)) in WAYS.items():
        engine.wait_for_stream(name, tags=10)
        file = tmp_path / f"{name.replace('/', '-')}.ts"
        runs.append((record_raw(plain_url(engine, stream_id, **options), file), file))
    for sender in sending:
        sender.end(END_S)
    for player, file in runs:
        player.communicate(timeout=END_S)
        assert len(frames_of(file)["video"]) > 30
        check_run(frames_of(file), frames_of(films.h264))


def test_keys_and_passphrases_that_do_not_go_together_are_refused(engine: RunningEngine, film: bytes) -> None:
    with ExitStack() as callers:
        house = House(engine, callers)
        publisher = house.caller(f"publish:live/keys?key={VAN_KEY}", passphrase=VAN)
        publisher.publish(film, 2.0)
        engine.wait_for_stream("live/keys", tags=10)
        refused = {
            (stream_id, passphrase): house.caller(stream_id, passphrase=passphrase)
            for stream_id, passphrase in REFUSALS
        }
        assert {asked: caller.refused_with() for asked, caller in refused.items()} == REFUSALS
    log = str(engine.log)
    assert not [secret for secret in (VAN, BUS, DEFAULT, VAN_KEY, BUS_KEY, PUBLISH_KEY) if secret in log]
