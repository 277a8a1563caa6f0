"""Log lines: whole, ordered, never in the way."""

import io
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from workers.runtime.logs import LineWriter, configure_logs, open_log


@pytest.fixture(autouse=True)
def json_lines() -> Iterator[None]:
    configure_logs("info", "json")
    yield
    configure_logs("info", "json")


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
    configure_logs("debug", "json")
    log.debug("seen")
    configure_logs("error", "json")
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
    assert lines_in(reader)[0] == {"level": "warning", "event": "log lines dropped", "count": dropped}
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
    configure_logs("info", "human")
    open_log("fanout0", writer).info("playing", stream="live/a")
    text = os.read(reader, 4096).decode()
    assert "playing" in text
    assert "stream=live/a" in text
    assert not text.startswith("{")
