"""Log lines: whole, ordered, never in the way."""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.config import Log, Secret
from engine.config.tree import LogLevel
from tests.workers.runtime.outside_stage import Figures
from workers.runtime import logs
from workers.runtime.log_lines import LineWriter
from workers.runtime.logs import (
    Ordinary,
    Packets,
    begin_as_child,
    configure_logs,
    count_lines,
    log_packet,
    look_after_logs,
    open_log,
)

DEFAULTS = Log(format="json")


@pytest.fixture(autouse=True)
def json_lines() -> Iterator[None]:
    configure_logs(DEFAULTS)
    yield
    begin_as_child()
    configure_logs(DEFAULTS)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for end in (reader, writer):
        os.close(end)


def lines_in(reader: int) -> list[dict[str, Any]]:
    return [json.loads(line) for line in os.read(reader, 1 << 20).splitlines()]


def test_line_is_one_json_object_with_the_same_fields_first(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    open_log("fanout0", writer).info("playing", stream="live/a", bytes=7)
    (line,) = lines_in(reader)
    assert list(line) == ["at", "level", "event", "worker", "stream", "bytes"]
    assert (line["level"], line["event"], line["worker"]) == ("info", "playing", "fanout0")


def test_exception_is_text_in_a_field_not_more_lines(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    log = open_log("fanout0", writer)
    try:
        raise ValueError("wrong\nin two lines")
    except ValueError:
        log.exception("failed")
    (line,) = lines_in(reader)
    assert line["exception"].startswith("Traceback")
    assert "wrong\nin two lines" in line["exception"]


def test_level_follows_a_reload_in_loggers_that_exist(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    log = open_log("fanout0", writer)
    log.debug("unseen")
    configure_logs(Log(format="json", level="debug"))
    log.debug("seen")
    configure_logs(Log(format="json", level="error"))
    log.warning("unseen")
    log.critical("always seen")
    assert [line["event"] for line in lines_in(reader)] == ["seen", "always seen"]


def test_anything_can_be_a_field(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    log = open_log("fanout0", writer)
    endless: list[object] = []
    endless.append(endless)
    log.info("odd", value=io.StringIO, text="\udcff", keys={(1, 2): 3}, endless=endless)
    (line,) = lines_in(reader)
    assert "odd" in line["event"]


def test_reader_that_stops_reading_costs_lines_not_time(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    lines = LineWriter(writer)
    line = json.dumps({"event": "x" * 1000}).encode()
    for _ in range(200):
        lines.write(line)
    dropped = lines.dropped
    assert dropped > 100
    kept = lines_in(reader)
    assert len(kept) == 200 - dropped
    lines.write(line)
    assert lines_in(reader)[0] == {"level": "warning", "event": "log_lines_dropped", "count": dropped}
    assert lines.dropped == 0


def test_reader_that_is_gone_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    lines = LineWriter(writer)
    lines.write(b"{}")
    assert lines.dropped == 1
    os.close(writer)


def test_human_form_is_not_json(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    configure_logs(Log(format="human"))
    open_log("fanout0", writer).info("playing", stream="live/a")
    text = os.read(reader, 4096).decode()
    assert "playing" in text
    assert "stream=live/a" in text
    assert not text.startswith("{")


def test_single_packets_are_told_at_level_trace_alone(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    log = open_log("ingest0", writer)
    seen = [Packets.logged]
    log_packet(log, "message", bytes=1)
    configure_logs(Log(format="json", level="trace"))
    seen.append(Packets.logged)
    assert seen == [False, True]
    log_packet(log, "message", bytes=2)
    log.debug("seen too")
    assert [(line["level"], line.get("bytes")) for line in lines_in(reader)] == [
        ("trace", 2),
        ("debug", None),
    ]


@pytest.mark.parametrize(
    ("level", "logged"), [("trace", True), ("debug", True), ("info", False), ("error", False)]
)
def test_what_went_well_of_requests_is_logged_from_level_debug_on(level: LogLevel, *, logged: bool) -> None:
    configure_logs(Log(level=level))
    assert Ordinary.logged is logged


def test_a_secret_in_a_field_is_three_stars(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    log = open_log("fanout0", writer)
    log.info("reloaded", key=Secret("of-the-encoder"), nested={"key": Secret("of-the-encoder")})
    text = os.read(reader, 4096)
    assert b"of-the-encoder" not in text
    assert text.count(b"***") == 2


def test_a_flood_of_one_event_leaves_room_for_others_and_is_told_by_number(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    configure_logs(Log(format="json", max_lines_per_s=1))
    log = open_log("fanout0", writer)
    figures = Figures()
    count_lines(figures, "fanout")
    for _ in range(15):
        log.info("playing")
    log.warning("overload")
    look_after_logs(log)
    look_after_logs(log)
    told = lines_in(reader)
    assert [line["event"] for line in told] == ["playing"] * 10 + ["overload", "log_lines_left_out"]
    assert (told[-1]["kind"], told[-1]["count"]) == ("playing", 5)
    assert figures.of("fanlight_log_lines_left_out_total") == {"rate": 5}
    assert figures.of("fanlight_log_lines_total") == {"info": 10, "warning": 2}


def test_the_file_has_json_whatever_the_stream_shows(tmp_path: Path) -> None:
    script = (
        "from engine.config import Log; from workers.runtime.logs import *\n"
        f"configure_logs(Log(format='human', stream='stdout', file={str(tmp_path / 'log')!r}))\n"
        "open_log('fanout0').info('playing', stream='live/a')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    assert "stream=live/a" in done.stdout
    assert done.stderr == ""
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert json.loads(line)["stream"] == "live/a"


def test_a_file_alone_is_enough(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    configure_logs(Log(format="json", stream="off", file=str(tmp_path / "log")))
    open_log("fanout0").info("playing")
    assert capfd.readouterr() == ("", "")
    assert json.loads((tmp_path / "log").read_text())["event"] == "playing"


def test_lines_that_nobody_takes_are_counted_by_reason(tmp_path: Path) -> None:
    figures = Figures()
    count_lines(figures, "fanout")
    configure_logs(Log(format="json", stream="off", file=str(tmp_path / "nowhere" / "log")))
    open_log("fanout0").info("playing")
    assert figures.of("fanlight_log_lines_left_out_total") == {"file_failed": 1}


def test_a_child_shares_no_open_file_with_its_parent(tmp_path: Path) -> None:
    configure_logs(Log(format="json", stream="off", file=str(tmp_path / "log")))
    logs.open_log_file()
    assert (tmp_path / "log") in open_files()
    begin_as_child()
    assert (tmp_path / "log") not in open_files()
    open_log("fanout0").info("playing")
    assert (tmp_path / "log") in open_files()


def test_a_rotation_that_fails_is_told_once_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "log"
    (tmp_path / "log.1").mkdir()  # nothing can be renamed to it, and with one kept file it is not moved
    figures = Figures()
    count_lines(figures, "fanout")
    configure_logs(Log(format="json", stream="off", file=str(path), max_file_bytes=65536, kept_files=1))
    log = open_log("fanout0")
    for _ in range(3):
        log.info("playing", path="x" * 65536)
        look_after_logs(log)
    told = [json.loads(line)["event"] for line in path.read_text().splitlines()]
    assert told.count("log_rotation_failed") == 1
    assert figures.of("fanlight_errors_total", type="log_rotation_failed") == {"fanout": 1}


def open_files() -> set[Path]:
    found = set()
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # the one that lists them
            found.add(Path(os.readlink(f"/proc/self/fd/{descriptor}")))
    return found
