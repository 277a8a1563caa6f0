"""`fanlight publish` against servers that refuse, hang or vanish: one line, a code, never for ever."""

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import av.error
import pytest

from tests.workers.cli.test_cli_remux import make_film
from workers import cli
from workers.commands import children, publish, sender
from workers.commands.sender import ConnectionLost, Pulse


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return make_film(tmp_path / "film.mp4")


@pytest.fixture(autouse=True)
def _sigterm_as_it_was() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A server whose kernel accepts, and that says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"rtmp://127.0.0.1:{listener.getsockname()[1]}/live/a"


def test_what_is_no_rtmp_address_is_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["publish", "film.mp4", "live/name"]) == 2
    assert "rtmp://host/live/name" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url", ["rtmp:///live/a", "rtmp://host", "rtmp://host/", "rtmp://host/live/a b", "rtmp://[::1/a"]
)
def test_an_address_without_host_or_name_or_with_a_space_is_refused(url: str) -> None:
    assert not publish.is_stream_address(url)


def test_the_servers_own_words_tell_why_it_refused() -> None:
    words = (16, "rtmp", "Server error: this stream needs its publish key\n")
    error = av.error.PermissionError(1, "Operation not permitted", "", words)  # type: ignore[arg-type]  # as PyAV does
    assert sender.what_happened(error) == "refused: this stream needs its publish key"


def test_a_host_that_is_none_is_no_input_output_error() -> None:
    words = (16, "rtmp", "Cannot open connection tcp://nowhere.invalid:1935\n")
    error = av.error.OSError(errno.EIO, "Input/output error", "", words)  # type: ignore[arg-type]  # as PyAV does
    assert sender.what_happened(error).startswith("no connection")


def test_nobody_there_is_one_line_without_the_key_and_code_1(
    film: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["publish", str(film), "rtmp://127.0.0.1:9/live/a?key=secret"]) == 1
    told = capfd.readouterr()
    assert told.err == "fanlight: rtmp://127.0.0.1:9/live/a: Connection refused\n"
    assert "secret" not in told.out


def test_a_file_that_is_not_there_is_code_2(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["publish", "/nowhere.mp4", "rtmp://127.0.0.1:9/live/a"]) == 2
    assert capfd.readouterr().err == "fanlight: /nowhere.mp4: No such file or directory\n"


def test_a_server_that_says_nothing_is_given_up(
    film: Path, silent_server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(publish, "STALL_S", 0.3)
    monkeypatch.setattr(publish, "GOODBYE_S", 0.01)
    assert cli.main(["publish", str(film), silent_server]) == 1
    assert capsys.readouterr().err == f"fanlight: {silent_server}: the server has taken nothing for 0 s\n"


def hear_ctrl_c() -> None:
    """Run in the child: a shell's background jobs ignore it, and hand that on to what they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_ends_it_even_while_the_server_hangs(film: Path, silent_server: str) -> None:
    command = [sys.executable, "-m", "workers.cli", "publish", str(film), silent_server]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=hear_ctrl_c)
    assert process.stdout is not None
    with process.stdout as said:
        assert said.readline().startswith(b"publishing ")
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130


def test_the_sender_shows_life_while_it_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "BEAT_S", 0.001)
    beats, theirs = os.pipe()
    try:
        Pulse(theirs).sleep_until(time.monotonic() + 0.02)
        assert len(os.read(beats, 100)) > 3
    finally:
        os.close(beats)
        os.close(theirs)


def test_a_sender_that_nobody_watches_ends(film: Path, silent_server: str) -> None:
    beats, theirs = os.pipe()
    os.close(beats)
    child = children.start_module(
        "workers.commands.sender", ["--", str(film), silent_server], os.environ, theirs
    )
    os.close(theirs)
    assert child.wait() == 130


def test_a_lost_connection_is_made_again_if_asked_for(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    attempts: list[str] = []
    pauses: list[float] = []

    def send(path: str, *_args: object, **_options: object) -> None:
        attempts.append(path)
        if len(attempts) < 6:
            raise ConnectionLost("gone")

    monkeypatch.setattr(sender, "send_file", send)
    monkeypatch.setattr(Pulse, "sleep_until", lambda _pulse, due_s: pauses.append(due_s - time.monotonic()))
    assert sender.main(["--reconnect", "film", "url"]) == 0
    assert [round(pause) for pause in pauses] == [1, 2, 4, 8, 8]
    assert capfd.readouterr().err.count("gone; trying again") == 5


def test_what_a_command_asks_for_is_what_the_sender_does() -> None:
    asked = cli._parser().parse_args(["publish", "a", "b", "--loop", "--no-realtime"])
    told = sender._parser().parse_args(publish.sender_arguments(asked))
    assert (told.file, told.url, told.loop, told.realtime, told.reconnect) == ("a", "b", True, False, False)
