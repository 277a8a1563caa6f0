"""What a fanout worker counts of requests and WebSocket messages, as a scrape shows it."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, values
from prometheus_client.multiprocess import MultiProcessCollector

from workers.fanout.report import Report
from workers.runtime.metrics import DIRECTORY_VARIABLE, Metrics


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Metrics are a matter of the whole process: put back what one test sets."""
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    monkeypatch.setenv(DIRECTORY_VARIABLE, "")


class Books:
    """A report, and what is to be seen of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._metrics = Metrics("fanout0", folder)
        self.report = Report(self._metrics, "fanout0")

    def flush(self) -> None:
        """The round, and the heartbeat."""
        self.report.flush(())
        self._metrics.flush()

    def value(self, name: str, **labels: str) -> float | None:
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(self._folder))  # type: ignore[no-untyped-call]
        return registry.get_sample_value(name, labels)


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(tmp_path)


def test_requests_have_durations_by_method_and_route(books: Books) -> None:
    for seconds in (0.002, 0.2):
        books.report.request_took("GET", "/{stream}.m3u8", seconds)
    books.flush()
    of = {"method": "GET", "route": "/{stream}.m3u8"}
    assert books.value("fanlight_http_request_seconds_count", **of) == 2
    assert books.value("fanlight_http_request_seconds_bucket", le="0.0025", **of) == 1
    assert books.value("fanlight_http_request_seconds_sum", **of) == pytest.approx(0.202)


def test_methods_that_strangers_make_up_share_one_series(books: Books) -> None:
    for number in range(1000):
        books.report.request_took(f"M{number}", "/{unknown}", 0.01)
    books.flush()
    of = {"method": "other", "route": "/{unknown}"}
    assert books.value("fanlight_http_request_seconds_count", **of) == 1000


def test_requests_in_flight_are_those_at_the_moment(books: Books) -> None:
    books.report.in_flight = 3
    books.flush()
    assert books.value("fanlight_http_requests_in_flight") == 3
    books.report.in_flight = 0
    books.flush()
    assert books.value("fanlight_http_requests_in_flight") == 0


def test_websocket_messages_count_by_type_and_direction(books: Books) -> None:
    for _ in range(2):
        books.report.websocket_sent("ping")
    books.report.websocket_heard("pong")
    books.report.websocket_message_heard(70)
    books.flush()
    books.flush()
    name = "fanlight_websocket_messages_total"
    assert books.value(name, type="ping", direction="out") == 2
    assert books.value(name, type="pong", direction="in") == 1
    assert books.value(name, type="message", direction="in") == 1
    assert books.value("fanlight_websocket_message_bytes_bucket", type="message", le="64.0") == 0
    assert books.value("fanlight_websocket_message_bytes_bucket", type="message", le="256.0") == 1


def test_srt_handshakes_that_are_accepted_have_durations_by_role(books: Books) -> None:
    books.report.srt_accepted("publisher", 0.15)
    books.report.srt_accepted("publisher", 0.25)
    books.report.srt_accepted("player", 0.002)
    books.flush()
    name = "fanlight_srt_handshake_seconds_bucket"
    assert books.value(name, role="publisher", le="0.2") == 1
    assert books.value(name, role="player", le="0.2") == 1
    assert books.value("fanlight_srt_handshakes_total", result="accepted") == 3


def test_players_of_hls_are_among_all_others(books: Books) -> None:
    books.report.hls_player_started()
    books.report.hls_player_ended("stream_ended", 70.0)
    books.report.hls_sent(5_000)
    books.report.hls_sent(300)
    books.flush()
    assert books.value("fanlight_players_started_total", protocol="hls") == 1
    assert books.value("fanlight_players_ended_total", protocol="hls", reason="stream_ended") == 1
    assert books.value("fanlight_sent_bytes_total", protocol="hls") == 5_300
    assert books.value("fanlight_session_seconds_sum", protocol="hls", role="player") == 70
