"""`fanlight publish` to an SRT address: what it may say, and servers that are not there or say nothing."""

import socket
from collections.abc import Iterator
from pathlib import Path
from types import BuiltinMethodType

import pytest

from engine.protocols.srt import caller
from tests.workers.cli.test_cli_remux import make_film
from workers import cli
from workers.commands import publish, srt_sender
from workers.commands.errors import EXIT_USAGE, CommandError
from workers.commands.sender import Pulse
from workers.commands.srt_url import SrtAddress, parse_srt_url

HERE = "srt://127.0.0.1:10080"


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return make_film(tmp_path / "film.mp4")


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A port that takes datagrams and never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"srt://127.0.0.1:{sock.getsockname()[1]}"


class SilentPulse(Pulse):
    """Nobody watches."""

    def __init__(self) -> None:
        super().__init__(-1)

    def beat(self) -> None:
        pass


def refused(url: str) -> str:
    with pytest.raises(CommandError) as caught:
        parse_srt_url(url)
    assert caught.value.exit_code == EXIT_USAGE
    (line,) = caught.value.lines
    return line


def test_an_address_says_everything() -> None:
    url = "srt://[::1]:9000?streamid=publish:live/a&latency=200000&passphrase=0123456789&pbkeylen=24"
    assert parse_srt_url(url) == SrtAddress(
        host="::1",
        port=9000,
        stream_id="publish:live/a",
        latency_ms=200,
        passphrase="0123456789",
        key_bytes=24,
    )


@pytest.mark.parametrize(
    ("rest", "stream_id"),
    [
        ("", ""),
        ("/", ""),
        ("/live/a", "publish:live/a"),
        ("/live/a?latency=0", "publish:live/a"),
        ("?streamid=#!::r=live/a,m=publish&latency=0", "#!::r=live/a,m=publish"),
        ("?streamid=%23!::r=live/a,m=publish", "#!::r=live/a,m=publish"),
        ("/?streamid=publish:live/a?key=secret", "publish:live/a?key=secret"),
        ("?streamid=live/a%26b+c", "live/a&b c"),
    ],
)
def test_the_stream_id_is_what_stands_there_or_the_path(rest: str, stream_id: str) -> None:
    assert parse_srt_url(HERE + rest).stream_id == stream_id


@pytest.mark.parametrize(
    ("latency_us", "latency_ms"), [("0", 0), ("1", 1), ("120000", 120), ("65535000", 65535)]
)
def test_latency_is_in_microseconds(latency_us: str, latency_ms: int) -> None:
    assert parse_srt_url(f"{HERE}?latency={latency_us}").latency_ms == latency_ms


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("?stremid=live/a", "'stremid'"),
        ("?streamid=a&", "''"),
        ("?latency=1&latency=2", "latency stands twice"),
        ("?latency=120ms", "latency=120ms"),
        ("?latency=-1", "latency=-1"),
        ("?latency=65535001", "latency=65535001"),
        ("?pbkeylen=20", "16, 24, 32"),
        ("?passphrase=short", "10 to 79"),
        (f"?passphrase={'x' * 80}", "10 to 79"),
        ("/live/a?streamid=live/b", "not both"),
        (f"?streamid={'x' * 513}", "512"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(rest: str, words: str) -> None:
    line = refused(HERE + rest)
    assert words in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "url", ["srt://", "srt://host", "srt://:1/a", "srt://host:0", "srt://[::1:1", "srt:host:1"]
)
def test_an_address_without_host_or_port_is_refused(url: str) -> None:
    assert "srt://host:10080?streamid=" in refused(url)


def test_secrets_are_not_repeated() -> None:
    address = parse_srt_url(f"{HERE}?streamid=live/a?key=sesame&passphrase=correcthorse")
    assert "sesame" not in repr(address)
    assert "correcthorse" not in repr(address)
    assert "tooshort" not in refused(f"{HERE}?passphrase=tooshort")


def test_rtmp_goes_on_as_before() -> None:
    assert publish.sender_module("rtmp://host/live/a") == "workers.commands.sender"
    assert publish.sender_module(f"{HERE}/live/a") == "workers.commands.srt_sender"


def test_an_address_that_is_wrong_is_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["publish", "film.mp4", f"{HERE}?mode=listener"]) == 2
    assert "'mode'" in capsys.readouterr().err


def test_nobody_there_is_one_line_without_secrets_and_code_1(
    film: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["publish", str(film), "srt://127.0.0.1:9?passphrase=correcthorse"]) == 1
    told = capfd.readouterr()
    assert told.err == "fanlight: srt://127.0.0.1:9: Connection refused\n"
    assert "correcthorse" not in told.out


def test_a_server_that_never_answers_is_given_up(
    film: Path, silent_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caller, "CALL_TIMEOUT_US", 300_000)
    with pytest.raises(CommandError, match=r": refused: no answer in time \(SRT code 16\)$"):
        srt_sender.send_file(str(film), silent_server, SilentPulse(), loop=False, realtime=True)


def test_a_codec_that_a_transport_stream_cannot_carry_is_named(tmp_path: Path, silent_server: str) -> None:
    film = make_film(tmp_path / "film.webm", codec="libvpx", audio_codec="libopus")
    with pytest.raises(CommandError, match="cannot carry vp8"):
        srt_sender.send_file(str(film), silent_server, SilentPulse(), loop=False, realtime=True)


def test_what_ffmpeg_calls_is_no_python_in_which_an_interruption_could_be_raised_and_lost() -> None:
    assert isinstance(srt_sender.Film().write, BuiltinMethodType)


def test_what_was_taken_from_the_film_is_not_there_any_more() -> None:
    film = srt_sender.Film()
    film.write(b"one, ")
    film.write(b"two")
    assert film.take() == b"one, two"
    film.write(b"3")
    assert (film.take(), film.take()) == (b"3", b"")
