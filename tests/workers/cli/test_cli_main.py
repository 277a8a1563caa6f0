"""The command line as shells see it: exit codes, one clear line per failure, never a traceback."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.certificates import make_pair, write_pair
from tests.e2e.engine_process import to_toml
from workers import cli

GOOD = '[publish]\nmax_streams = 5\n[paths."live/*"]\ngrace_s = 3\n'
BAD = '[publish]\nmax_streams = 0\n[rtmp]\nlisten = "nowhere"\n[apii]\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "fanlight.toml"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("FANLIGHT_")]:
        monkeypatch.delenv(name)


def test_a_good_file_is_good(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(GOOD)
    assert cli.main(["check", str(config)]) == 0
    assert capsys.readouterr().out == f"{config}: good\n"


def test_every_problem_has_its_own_line_with_key_and_what_is_allowed(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(BAD)
    assert cli.main(["check", str(config)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith(f"fanlight: {config}: ") for line in lines)
    assert any("max_streams" in line and "0 is not allowed" in line for line in lines)
    assert any("apii" in line for line in lines)


@pytest.mark.parametrize("command", ["check", "serve"])
def test_a_file_that_is_not_there_is_code_2(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "missing.toml")
    assert cli.main([command, *(["--config"] if command == "serve" else []), missing]) == 2
    assert capsys.readouterr().err == f"fanlight: {missing}: No such file or directory\n"


def test_serve_refuses_a_bad_file_before_anything_starts(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_bytes(b"\xff\xfe")
    assert cli.main(["serve", "--config", str(config)]) == 1
    said = capsys.readouterr()
    assert "not a text in UTF-8" in said.err
    assert said.out == ""


def test_nothing_is_opened_in_the_place_of_a_standard_stream() -> None:
    """In a process of its own, since descriptors belong to the whole of one."""
    script = (
        "import os\n"
        "from workers.commands.standard_streams import hold_standard_streams\n"
        "kept = os.dup(2)\n"
        "os.close(0), os.close(1)\n"
        "hold_standard_streams()\n"
        "opened = os.open('/', os.O_RDONLY)\n"
        "places = [os.readlink(f'/proc/self/fd/{number}') for number in (0, 1)]\n"
        "os.write(kept, f'{places} {opened > 2}'.encode())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == "['/dev/null', '/dev/null'] True"


def test_an_engine_that_was_started_without_standard_output_ends_with_its_code(config: Path) -> None:
    config.write_text(to_toml({"log": {"file": str(config.parent / "nowhere" / "log")}}))
    command = f"exec '{sys.executable}' -m workers.cli serve --config '{config}' >&-"
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (1, b"")


def test_an_environment_variable_is_checked_too(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text("")
    monkeypatch.setenv("FANLIGHT_PUBLISH__MAX_STREAMS", "many")
    assert cli.main(["check", str(config)]) == 1
    assert "FANLIGHT_PUBLISH__MAX_STREAMS" in capsys.readouterr().err


def test_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["version"]) == 0
    assert capsys.readouterr().out.startswith("fanlight ")


@pytest.mark.parametrize(
    "wrong",
    [[], ["dance"], ["check"], ["top", "--interval", "0"], ["top", "--interval", "soon"], ["publish", "a"]],
)
def test_wrong_arguments_are_code_2(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(wrong)
    assert left.value.code == 2


def test_the_command_holds_only_what_it_needs() -> None:
    code = "import sys, workers.cli; workers.cli.main(['version']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"av", "litestar", "hypercorn", "rich", "trio", "prometheus_client"}


def test_a_reader_that_has_had_enough_is_no_failure() -> None:
    command = [sys.executable, "-m", "workers.cli", "version"]
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as pipe:
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("days", "spoil", "said"),
    [
        (30, lambda folder: None, ""),
        (-3, lambda folder: None, "certificate.pem: it has expired, 3 days ago"),
        (30, lambda folder: (folder / "key.pem").unlink(), "key.pem: it cannot be read: No such file"),
        (30, lambda folder: (folder / "key.pem").write_bytes(make_pair()[1]), "not that of the certificate"),
        (30, lambda folder: (folder / "certificate.pem").write_bytes(b""), "no certificate in PEM"),
    ],
)
def test_check_says_what_is_wrong_with_a_certificate(
    days: int, spoil: Callable[[Path], object], said: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(to_toml({"tls": write_pair(config.parent, make_pair(days=days))}))
    spoil(config.parent)
    assert cli.main(["check", str(config)]) == (1 if said else 0)
    assert said in capsys.readouterr().err
