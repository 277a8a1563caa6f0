"""Reading the configuration again: what is refused leaves the one from before in force."""

import errno
import os
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from engine.config import Config
from engine.config.load import MAX_BYTES
from workers.supervisor.reload import reread


def keys_for(paths: int) -> str:
    """So many paths with a full table of keys each."""
    keys = "\n".join(f'{"k" * 60}{number:02} = {{allowed_codecs = "h264,aac"}}' for number in range(64))
    return "\n".join(f'[paths."live{number}/*".key_limits]\n{keys}' for number in range(paths))


def test_a_configuration_that_is_longer_than_there_may_be_is_refused(tmp_path: Path) -> None:
    running, file = Config(), tmp_path / "fanlight.toml"
    file.write_text("#" * (MAX_BYTES + 1))
    with capture_logs() as logs:
        outcome = reread(running, str(file), {}, structlog.get_logger())
    assert (outcome.config, outcome.result) == (running, "refused")
    (entry,) = logs
    assert entry["event"] == "reload_refused"
    assert f"the file has more than {MAX_BYTES} characters" in entry["problems"][0]


def no_memory(*_: object) -> int:
    raise OSError(errno.ENOMEM, "no memory")


def test_a_large_one_that_there_is_no_memory_for_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "memfd_create", no_memory)
    running, file = Config(), tmp_path / "fanlight.toml"
    file.write_text(keys_for(paths=40))
    with capture_logs() as logs:
        outcome = reread(running, str(file), {}, structlog.get_logger())
    assert (outcome.config, outcome.result) == (running, "refused")
    assert "no memory" in logs[0]["problems"][0]


def test_one_of_usual_size_needs_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "memfd_create", no_memory)
    file = tmp_path / "fanlight.toml"
    file.write_text("[play]\nwait_s = 7\n")
    outcome = reread(Config(), str(file), {}, structlog.get_logger())
    assert (outcome.config.play.wait_s, outcome.result) == (7, "applied")


def test_forty_paths_with_full_tables_of_keys_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "fanlight.toml"
    file.write_text(keys_for(paths=40))
    outcome = reread(Config(), str(file), {}, structlog.get_logger())
    assert outcome.result == "applied"
    assert len(outcome.config.paths) == 40


def test_one_that_the_running_engine_has_something_against_is_refused(tmp_path: Path) -> None:
    running, file = Config(), tmp_path / "fanlight.toml"
    file.write_text("[play]\nwait_s = 7\n")
    with capture_logs() as logs:
        refused = reread(running, str(file), {}, structlog.get_logger(), lambda _: "not with this socket")
    assert (refused.config, refused.result) == (running, "refused")
    assert logs[0]["problems"] == ("not with this socket",)
    taken = reread(running, str(file), {}, structlog.get_logger(), lambda _: None)
    assert taken.config.play.wait_s == 7
