"""A configuration that is read again: what is refused before anything of it holds."""

import os
from pathlib import Path
from typing import cast

from structlog.typing import FilteringBoundLogger

from engine.config import Config, load
from tests.workers.runtime.outside_stage import Lines
from workers.supervisor.reload import reread


class ToldLines(Lines):
    """That also hears of errors."""

    def error(self, event: str, **fields: object) -> None:
        self.lines.append({"level": "error", "event": event, **fields})


def reread_file(running: Config, path: Path) -> tuple[Config, str, Lines]:
    log = ToldLines()
    outcome = reread(running, str(path), {}, cast("FilteringBoundLogger", log))
    return outcome.config, outcome.result, log


def test_a_log_file_that_cannot_be_written_refuses_the_reload(tmp_path: Path) -> None:
    path, running = tmp_path / "fanlight.toml", Config()
    path.write_text(f'[log]\nstream = "off"\nfile = "{tmp_path}/nowhere/log"\n[play]\nwait_s = 7\n')
    config, result, log = reread_file(running, path)
    assert (config, result) == (running, "refused")
    (line,) = log.lines
    assert line["event"] == "reload_refused"
    assert f"log.file: {tmp_path}/nowhere/log cannot be written: No such file" in str(line["problems"])


def test_a_log_file_that_nobody_may_wait_for_refuses_it_too(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    reader = os.open(tmp_path / "log", os.O_RDONLY | os.O_NONBLOCK)
    path = tmp_path / "fanlight.toml"
    path.write_text(f'[log]\nfile = "{tmp_path}/log"\n')
    _, result, log = reread_file(Config(), path)
    os.close(reader)
    assert result == "refused"
    assert "not a regular file" in str(log.lines[0]["problems"])


def test_the_file_that_is_held_is_not_asked(tmp_path: Path) -> None:
    path = tmp_path / "fanlight.toml"
    text = f'[log]\nfile = "{tmp_path}/gone/log"\n'
    path.write_text(text + "[play]\nwait_s = 7\n")
    config, result, _ = reread_file(load(text, {}), path)
    assert result == "applied"
    assert config.play.wait_s == 7
