"""The log of a whole engine in a file: all its processes, all its lines, whoever moves it."""

import json
import os
import signal
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.conftest import StartEngine
from tests.e2e.engine_process import RunningEngine
from tests.e2e.media import Media, finish, publish_for
from tests.e2e.studio import replace_worker

pytestmark = pytest.mark.slow

SMALLEST_FILE_BYTES: Final = 65536
REQUESTS: Final = 170
LONG_PATH: Final = "x" * 200


def read_lines(folder: Path) -> list[str]:
    """Every line of every file of the log."""
    return [line for path in folder.iterdir() for line in path.read_text().splitlines()]


def in_order(line: str) -> str:
    """The line as it is compared."""
    return json.dumps(json.loads(line), sort_keys=True)


def test_the_file_has_what_the_stream_has_over_rotations_moves_and_deaths(
    start_engine: StartEngine, ffmpeg: Path, media: Media, tmp_path: Path
) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    log = {
        "file": str(folder / "fanlight.log"),
        "max_file_bytes": SMALLEST_FILE_BYTES,
        "kept_files": 100,
        "max_lines_per_s": 10_000,
        "level": "trace",
    }
    engine = start_engine({"log": log})
    finish(publish_for(ffmpeg, media.h264, 1, engine.rtmp_url("live/film")))
    ask_often(engine)
    move_as_logrotate_does(engine, folder)
    replace_worker(engine, "fanout0", signal.SIGKILL)
    ask_often(engine)
    rotations = figure(engine, "fanlight_log_rotations_total")
    counted = figure(engine, "fanlight_log_lines_total")
    engine.stop()
    in_files = read_lines(folder)
    assert all(isinstance(json.loads(line), dict) for line in in_files)
    in_stream = [json.dumps(line, sort_keys=True) for line in engine.log.lines]
    kept, told = Counter(map(in_order, in_files)), Counter(in_stream)
    assert kept - told == Counter()
    missing = [json.loads(line) for line in (told - kept).elements()]
    # A line is in the stream a moment before it is in the file: killed in between, a worker lacks that one.
    assert [line["worker"] for line in missing] in ([], ["fanout0"])
    assert rotations >= 1
    assert len(list(folder.glob("fanlight.log.[0-9]*"))) >= rotations
    assert {line["worker"] for line in engine.log.lines} >= {"supervisor", "ingest0", "fanout0", "control0"}
    assert 2 * REQUESTS < counted <= len(in_stream)
    messages = [line for line in engine.log.lines if line["event"] == "message"]
    (end,) = [line for line in engine.log.lines if line["event"] == "unpublished"]
    assert len(messages) == end["tags"]
    assert {line["level"] for line in messages} == {"trace"}


def ask_often(engine: RunningEngine) -> None:
    """Each request is a line, and a long one."""
    for _ in range(REQUESTS):
        assert engine.status(engine.api_url(LONG_PATH)) == 404


def move_as_logrotate_does(engine: RunningEngine, folder: Path) -> None:
    """Move it away, and tell the engine; also while nothing was said in between."""
    (folder / "fanlight.log").rename(folder / "fanlight.log.moved")
    os.kill(engine.process.pid, signal.SIGHUP)
    engine.log.wait_for("reloaded")
    assert (folder / "fanlight.log").exists()


def figure(engine: RunningEngine, name: str) -> float:
    """One counter, summed over its labels."""
    lines = engine.metrics().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


def test_standard_output_has_the_log_and_nothing_else(tmp_path: Path) -> None:
    """What no line can tell, the stacks of an aborted process, is on standard error, and nothing else is."""
    beside = tmp_path / "stderr"
    apart = ("sh", "-c", f"ulimit -c 0; exec \"$@\" 2> '{beside}'", "sh")
    with RunningEngine(tmp_path, prefix=apart) as engine:
        replace_worker(engine, "control0", signal.SIGABRT)
    assert not [line for line in engine.log.lines if "raw" in line]
    assert {line["worker"] for line in engine.log.lines} >= {"supervisor", "ingest0", "fanout0", "control0"}
    stacks = beside.read_text()
    assert stacks.startswith("Fatal Python error: Aborted\n")
    assert stacks.count("Fatal Python error") == 1
    assert "{" not in stacks


def test_a_file_that_cannot_be_written_stops_the_start_and_says_so(tmp_path: Path) -> None:
    engine = RunningEngine(tmp_path, {"log": {"file": str(tmp_path / "nowhere" / "log")}})
    assert engine.process.wait(20) == 1
    engine.log.close()
    (line,) = [line for line in engine.log.lines if line["event"] == "cannot_start"]
    assert "log.file" in str(line["error"])
    assert "No such file or directory" in str(line["error"])
