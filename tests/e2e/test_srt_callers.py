"""Who may do what over SRT: every way to say it, every way to be refused, and the code that callers hear."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from engine.protocols.srt.live_events import CloseReason
from engine.protocols.srt.rejections import Rejection
from tests.e2e.conftest import StartEngine
from tests.e2e.engine_process import RunningEngine
from tests.e2e.srt_client import House
from tests.e2e.srt_tools import Films, plain_url, publish_film, record, transmit

KEY: Final = "sesame"
PASSPHRASE: Final = "correct horse battery"
END_S: Final = 20.0

SETTINGS: Final[dict[str, dict[str, object]]] = {
    "srt.ports": {"0": "live/mapped"},
    "play": {"wait_s": 0.2},
    'paths."live/keyed*"': {"publish_key": KEY},
    'paths."live/secret*"': {"srt_passphrase": PASSPHRASE},
    'paths."live/mine"': {"takeover": False},
}

PUBLISHERS: Final = {
    "publish:live/a": "live/a",
    "publish:live/b:user:password": "live/b",
    "live/c": "live/c",
    "d": "live/d",
    "/live/e": "live/e",
    "#!::r=live/f,m=publish": "live/f",
    "#!::m=publish,r=/live/g,u=user,h=example.com,t=stream": "live/g",
    f"publish:live/keyed1:user:{KEY}": "live/keyed1",
    f"publish:live/keyed2?key={KEY}": "live/keyed2",
    f"live/keyed3?token={KEY}": "live/keyed3",
    f"#!::r=live/keyed4,m=publish,s={KEY}": "live/keyed4",
    f"#!::r=live/keyed5,m=publish,key={KEY}": "live/keyed5",
}

PLAYERS: Final = (
    "read:live/a",
    "play:live/a",
    "request:live/a",
    "#!::r=live/a",
    "#!::r=live/a,m=request",
    "#!::m=request,r=a,u=user,s=password",
)

REFUSALS: Final = {
    "read:live/nobody": Rejection.NOT_FOUND,
    "read:live/../a": Rejection.BAD_REQUEST,
    "publish:live/a b": Rejection.BAD_REQUEST,
    "publish:a/b/c/d/e": Rejection.BAD_REQUEST,
    "publish:live/a:user": Rejection.BAD_REQUEST,
    "": Rejection.BAD_REQUEST,
    "x" * 512: Rejection.BAD_REQUEST,
    "#!:{r=live/a}": Rejection.BAD_REQUEST,
    "#!::r=live/a,r=live/b": Rejection.BAD_REQUEST,
    "#!::r=live/a,m=bidirectional": Rejection.BAD_MODE,
    "#!::r=live/a,m=request,t=file": Rejection.MEDIA_NOT_SUPPORTED,
    "publish:live/keyed": Rejection.UNAUTHORIZED,
    "publish:live/keyed:user:wrong": Rejection.UNAUTHORIZED,
    "publish:live/secret": Rejection.UNSECURE,
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """One for all: each test has streams of its own."""
    with RunningEngine(tmp_path_factory.mktemp("engine"), SETTINGS) as running:
        yield running


@pytest.fixture
def house(engine: RunningEngine) -> Iterator[House]:
    with ExitStack() as callers:
        yield House(engine, callers)


def test_every_grammar_of_stream_ids_publishes_and_plays(house: House, film: bytes) -> None:
    publishers = {name: house.caller(stream_id) for stream_id, name in PUBLISHERS.items()}
    publishers["live/mapped"] = house.caller("", address=house.engine.srt_ports["live/mapped"])
    for publisher in publishers.values():
        assert publisher.refused_with() is None
    publishers["live/a"].until(lambda: house.streams() >= set(publishers))
    publishers["live/a"].publish(film, 2.0)
    house.engine.wait_for_stream("live/a", tags=10)
    for player in [house.caller(stream_id) for stream_id in PLAYERS]:
        player.wait_received()
        assert player.received[0] == 0x47


def test_every_refusal_has_its_code(house: House) -> None:
    refused = {stream_id: house.caller(stream_id) for stream_id in REFUSALS}
    assert {stream_id: caller.refused_with() for stream_id, caller in refused.items()} == REFUSALS


def test_limits_and_takeover_are_those_of_rtmp(start_engine: StartEngine, film: bytes) -> None:
    engine = start_engine(SETTINGS | {"publish": {"max_streams": 2}, "srt": {"default_mode": "play"}})
    with ExitStack() as callers:
        house = House(engine, callers)
        first, mine = house.caller("publish:live/a"), house.caller("publish:live/mine")
        first.until(lambda: house.streams() == {"live/a", "live/mine"})
        assert house.caller("publish:live/b").refused_with() == Rejection.OVERLOAD
        assert house.caller("publish:live/mine").refused_with() == Rejection.CONFLICT
        second = house.caller("publish:live/a")
        assert first.closed_by_peer() is CloseReason.SHUTDOWN
        second.publish(film, 2.0)
        assert engine.wait_for_stream("live/a", tags=10)["takeovers"] == 1
        player = house.caller("a")  # plays, as the default mode says
        player.wait_received()
        mine.leave()
        mine.until(lambda: engine.wait_for_stream("live/mine", tags=0)["state"] == "grace")
        assert house.caller("publish:live/mine").refused_with() is None


@pytest.mark.parametrize("key_bytes", [16, 24, 32])
def test_passphrases_of_a_path(key_bytes: int, house: House, film: bytes) -> None:
    def refusal(stream_id: str, passphrase: str) -> int | None:
        return house.caller(stream_id, passphrase=passphrase, key_bytes=key_bytes).refused_with()

    name = f"live/secret{key_bytes}"
    assert refusal(f"publish:{name}", "wrong horse battery") == Rejection.BAD_SECRET
    publisher = house.caller(f"publish:{name}", passphrase=PASSPHRASE, key_bytes=key_bytes)
    publisher.publish(film, 2.0)
    house.engine.wait_for_stream(name, tags=10)
    assert refusal(f"read:{name}", "") == Rejection.UNSECURE
    assert refusal(f"read:{name}", "wrong horse battery") == Rejection.BAD_SECRET
    player = house.caller(f"read:{name}", passphrase=PASSPHRASE, key_bytes=key_bytes)
    player.wait_received()
    assert player.received[0] == 0x47


def test_who_does_not_encrypt_is_not_asked_to(house: House) -> None:
    caller = house.caller("publish:live/open", passphrase=PASSPHRASE)
    assert caller.refused_with() == Rejection.UNSECURE


WORDS: Final = {
    "publish:live/secret": ("wrong horse battery", "BADSECRET", "Incorrect passphrase"),
    "read:live/nobody": ("", "PREDEFINED:404", "Application-defined rejection reason"),
    "publish:live/secret1": ("", "UNSECURE", "Password required or unexpected"),
}


@pytest.mark.slow
@pytest.mark.parametrize("stream_id", WORDS)
def test_libsrt_tells_its_user_why(stream_id: str, engine: RunningEngine, ffmpeg: Path, films: Films) -> None:
    passphrase, ffmpeg_word, transmit_word = WORDS[stream_id]
    url = plain_url(engine, stream_id, **({"passphrase": passphrase} if passphrase else {}))
    publishes = stream_id.startswith("publish")
    command = publish_film(ffmpeg, films.h264, url) if publishes else record(ffmpeg, url, Path("-"))
    assert ffmpeg_word in command.communicate(timeout=END_S)[1].decode()
    words = transmit("file://con", url) if publishes else transmit(url, "file://con")
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as tool:
        assert transmit_word in tool.communicate(timeout=END_S)[1].decode()
