"""`fanlight top` before a played API: figures, rates, troubles, and nothing that a terminal would obey."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import msgspec
import pytest
from rich.console import Console

from workers import cli
from workers.commands.overview import STREAM_COLUMNS, Look, bit_rate, byte_count, overview
from workers.commands.top import as_tables, as_text
from workers.control.models import Audio, Players, Stream, StreamList, Video, Worker, WorkerList


def stream(name: str = "live/a", bytes_out: int = 0, codec: str = "avc1") -> Stream:
    return Stream(
        name=name,
        state="live",
        publisher="ingest0-000000000001",
        ingest="ingest0",
        video=Video(codec=codec, width=1280, height=720, fps=29.97, keyframe_interval_s=2.0),
        audio=Audio(codec="mp4a"),
        bitrate_bps=2_500_000,
        players=Players(http_flv=7, ws_flv=2, rtmp=1, srt=0, ws_mp4=0, hls=0, total=10),
        bytes_in=1,
        bytes_out=bytes_out,
        tags_in=1,
        keyframes=1,
        repairs=0,
        jumps=3,
        lag_ms_max=120,
        reconnects=0,
        takeovers=0,
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        state_for_s=1.0,
        last_tag_age_s=0.1,
        epoch=1,
        over_limits=[],
        link=None,
    )


WORKER = Worker(
    name="fanout0",
    role="fanout",
    state="ready",
    pid=4242,
    generation=3,
    heartbeat_age_s=0.25,
    ready_for_s=9.0,
    loop_lag_ms=1.5,
    rss_bytes=38_000_000,
    overload=0,
)


class PlayedApi(BaseHTTPRequestHandler):
    """Answers as the API would."""

    def do_GET(self) -> None:
        answers = {
            "/api/v1/streams": StreamList(streams=[stream(bytes_out=5_000_000)]),
            "/api/v1/workers": WorkerList(workers=[WORKER]),
        }
        body = msgspec.json.encode(answers.get(self.path, {"who": "knows"}))
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def api_url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), PlayedApi) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


def test_once_prints_plain_tables(api_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["top", "--once", "--api", f"{api_url}/"]) == 0
    streams, workers, headline = capsys.readouterr().out.strip().split("\n\n")
    assert streams.splitlines()[1].split()[:4] == ["live/a", "live", "avc1", "1280x720"]
    assert workers.splitlines()[1].split()[:4] == ["fanout0", "ready", "4242", "2"]
    assert headline == "1 live, 10 players, in 2.5 Mbit/s, out -, 1 of 1 workers ready"


def test_something_that_is_no_engine_is_one_line(api_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["top", "--once", "--api", f"{api_url}/elsewhere"]) == 1
    assert "no engine of this version" in capsys.readouterr().err


def test_nobody_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["top", "--once", "--api", "http://127.0.0.1:9"]) == 1
    assert capsys.readouterr().err == (
        "fanlight: http://127.0.0.1:9: no engine answers (Connection refused)\n"
    )


@pytest.mark.parametrize("url", ["localhost:1985", "ftp://127.0.0.1", "http://", "http://host:port"])
def test_what_is_no_address_is_refused(url: str) -> None:
    assert cli.main(["top", "--once", "--api", url]) == 2


def test_rates_come_from_two_looks() -> None:
    before, now = Look(10.0, [stream(bytes_out=1000)], []), Look(12.0, [stream(bytes_out=251_000)], [])
    row = overview(now, before).streams[0]
    assert row[STREAM_COLUMNS.index("out")] == "1 Mbit/s"
    assert overview(now, None).streams[0][STREAM_COLUMNS.index("out")] == "-"


def test_a_stream_that_is_new_has_no_rate_yet() -> None:
    now = Look(12.0, [stream("live/new", 5)], [])
    assert overview(now, Look(10.0, [stream("live/a")], [])).streams[0][5] == "-"


@pytest.mark.parametrize(
    ("bits", "text"),
    [(0, "0 bit/s"), (999, "999 bit/s"), (2_500_000, "2.5 Mbit/s"), (7_990_000_000, "7.99 Gbit/s")],
)
def test_rates_are_told_in_the_unit_that_fits(bits: int, text: str) -> None:
    assert bit_rate(bits) == text


def test_bytes_are_told_in_the_unit_that_fits() -> None:
    assert [byte_count(count) for count in (12, 123_456, 5e15)] == ["12 B", "123 kB", "5e+03 TB"]


def test_a_terminal_is_drawn_with_trouble_in_place_of_the_headline() -> None:
    shown = overview(Look(1.0, [stream()], [WORKER]), None)
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        console.print(as_tables(shown, "nobody answers"))
        text = console.export_text()
    assert "nobody answers" in text
    assert "live/a" in text


def test_a_publishers_bytes_never_command_the_terminal() -> None:
    text = as_text(overview(Look(1.0, [stream(codec="\x1b[2J")], []), None))
    assert "\x1b" not in text
    assert "?[2J" in text
