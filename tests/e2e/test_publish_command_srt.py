"""`fanlight publish FILE srt://…`, the real command, against a real engine."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.engine_process import RunningEngine, die_with_parent
from tests.workers.cli.test_cli_remux import RATE, make_film

PASSPHRASE: Final = "correct horse battery"
END_S: Final = 20.0
FRAMES: Final = RATE + 47
"""Pictures and blocks of sound of the film."""
SETTINGS: Final[dict[str, dict[str, object]]] = {
    "publish": {"grace_s": 5.0},
    'paths."live/secret*"': {"srt_passphrase": PASSPHRASE},
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """One for all: each test has streams of its own."""
    with RunningEngine(tmp_path_factory.mktemp("engine"), SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mp4")


@contextmanager
def publishing(film: Path, url: str, *options: str) -> Iterator["subprocess.Popen[str]"]:
    command = [str(Path(sys.executable).with_name("fanlight")), "publish", *options, str(film), url]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=die_with_parent
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def end_of(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Exit code and what it said on standard error."""
    errors = process.communicate(timeout=END_S)[1]
    return process.returncode, errors


@pytest.mark.parametrize("pace", ["--realtime", "--no-realtime"])
def test_every_frame_of_a_film_arrives(engine: RunningEngine, film: Path, pace: str) -> None:
    name = f"live/plain{pace}"
    with publishing(film, f"srt://{engine.addresses['srt']}/{name}", pace) as process:
        assert end_of(process) == (0, "")
        engine.wait_for_stream(name, tags=FRAMES)


@pytest.mark.parametrize("key_bytes", [16, 24, 32])
def test_a_loop_arrives_encrypted_until_ctrl_c(engine: RunningEngine, film: Path, key_bytes: int) -> None:
    name = f"live/secret{key_bytes}"
    url = engine.srt_url(name, passphrase=PASSPHRASE, pbkeylen=key_bytes, latency=50_000)
    with publishing(film, url, "--loop") as process:
        engine.wait_for_stream(name, tags=2 * FRAMES)
        process.send_signal(signal.SIGINT)
        assert end_of(process) == (130, "")
        ended = engine.log.wait_for("unpublished", where=lambda line: line["stream"] == name)
        assert ended["reason"] == "finished"  # a goodbye, not silence


def test_a_wrong_passphrase_is_refused_in_one_line(engine: RunningEngine, film: Path) -> None:
    url = engine.srt_url("live/secret", passphrase="wrong horse battery")
    with publishing(film, url) as process:
        assert end_of(process) == (
            1,
            f"fanlight: srt://{engine.addresses['srt']}: refused: wrong passphrase (SRT code 10)\n",
        )


def test_who_is_taken_over_says_so_and_comes_back_if_asked_to(engine: RunningEngine, film: Path) -> None:
    url = engine.srt_url("live/wanted")
    with publishing(film, url, "--loop", "--reconnect") as first:
        engine.wait_for_stream("live/wanted", tags=10)
        with publishing(film, url, "--loop") as second:
            code, errors = end_of(second)  # the first one has come back
        assert (code, errors) == (
            1,
            f"fanlight: srt://{engine.addresses['srt']}: the server closed the connection\n",
        )
        first.send_signal(signal.SIGINT)
        code, errors = end_of(first)
        assert code == 130
        assert errors.endswith("the server closed the connection; trying again in 1 s\n")
