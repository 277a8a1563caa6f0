"""Answers of the engine, cut anywhere, and what is counted of them."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.hls.books import Books, lateness_ms
from bench.hls.exchange import Answer
from bench.hls.h2load import Asked, read_report
from bench.hls.line import PLAYERS_PER_NET, source_of
from bench.hls.playlist import inflate
from bench.metrics_text import quantile, samples, total
from bench.scenarios.__main__ import results_name
from bench.scenarios.hls_hour import slope
from bench.wire.answers import MAX_HEAD_BYTES, Chunks, browser_request, read_head
from engine.protocols.http import (
    LAST_CHUNK,
    RequestReader,
    chunk,
    growing_head,
    http1_head,
    media_head,
    not_modified_head,
)
from engine.protocols.http.media_responses import MP4_TYPE

CUTS = st.lists(st.integers(1, 50), min_size=1, max_size=30)
MILLISECOND = 1_000_000


@given(st.integers(0, 10**9), st.integers(0, 300))
def test_heads_of_the_engine_are_read_once_they_are_whole(size: int, cut: int) -> None:
    media = media_head(size, content_type=MP4_TYPE, request_id="r", origin="*")
    head = http1_head(media, keep_alive=True)
    found = read_head(head + b"body")
    assert found is not None
    assert (found.status, found.head_bytes, found.body_bytes) == (200, len(head), size)
    assert read_head(head[: min(cut, len(head) - 1)]) is None


def test_an_answer_without_body_has_none() -> None:
    head = not_modified_head(etag='"x"', cache_control="no-cache", request_id="r")
    found = read_head(http1_head(head, keep_alive=True))
    assert found is not None
    assert (found.status, found.body_bytes) == (304, 0)


def test_a_growing_part_is_read_to_its_last_chunk() -> None:
    head = growing_head(content_type=MP4_TYPE, request_id="r")
    found = read_head(http1_head(head, keep_alive=True))
    assert found is not None
    assert found.body_bytes is None


@given(st.lists(st.binary(min_size=1, max_size=100), max_size=8), CUTS)
def test_chunks_end_where_the_engine_ends_them(bodies: list[bytes], sizes: list[int]) -> None:
    wire = b"".join(map(chunk, bodies)) + LAST_CHUNK
    chunks, at, turn = Chunks(), 0, 0
    while at < len(wire):
        size = sizes[turn % len(sizes)]
        at, turn = at + size, turn + 1
        assert chunks.feed(wire[at - size : at]) == (at >= len(wire))


@pytest.mark.parametrize(
    "data", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\nDate: x\r\n\r\n", bytes(MAX_HEAD_BYTES + 1)]
)
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"answer|head"):
        read_head(data)


def test_what_is_no_chunk_is_refused() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        Chunks().feed(b"moof\r\n")


def test_the_engine_reads_the_request_of_a_browser() -> None:
    request = RequestReader().receive(browser_request("/live/cam.m3u8", "localhost:8080"))
    assert request is not None
    assert (request.path, request.keep_alive) == ("/live/cam.m3u8", True)


def test_a_body_is_read_with_and_without_gzip() -> None:
    assert inflate(b"#EXTM3U\n") == inflate(gzip.compress(b"#EXTM3U\n")) == "#EXTM3U\n"


def test_every_player_has_an_address_of_its_own() -> None:
    assert len({source_of(player) for player in range(20 * PLAYERS_PER_NET)}) == 20 * PLAYERS_PER_NET


def test_lateness_counts_from_the_first_and_only_for_those_who_waited() -> None:
    held, first, after = (1 * MILLISECOND, 25 * MILLISECOND), (2 * MILLISECOND, 20 * MILLISECOND), (30, 31)
    late = (21 * MILLISECOND, 24 * MILLISECOND)
    assert lateness_ms([[held, first, late]]) == [5.0, 0.0]
    assert lateness_ms([[after]]) == [0.0]


def test_the_newest_part_is_left_for_the_next_mark() -> None:
    books = Books()

    def answered(place: tuple[int, int], at_ms: int) -> None:
        books.reloaded(place, Answer(200, b"", 100, MILLISECOND, at_ms * MILLISECOND))

    answered((1, 0), 10)
    answered((1, 0), 14)
    answered((1, 1), 20)
    assert books.mark()["late_ms"] == {"count": 2, "p50": 4.0, "p90": 4.0, "p99": 4.0, "max": 4.0}
    answered((1, 1), 27)
    answered((2, 0), 30)
    assert books.mark()["late_ms"] == {"count": 2, "p50": 7.0, "p90": 7.0, "p99": 7.0, "max": 7.0}


METRICS = """\
# HELP x Words.
# TYPE x histogram
x_bucket{le="0.1",role="a"} 10.0
x_bucket{le="1.0",role="a"} 100.0
x_bucket{le="+Inf",role="a"} 100.0
x_bucket{le="0.1",role="b"} 0.0
x_bucket{le="1.0",role="b"} 0.0
x_bucket{le="+Inf",role="b"} 100.0
y_total{reason="no room"} 2.0
y_total{reason="lapped"} 3.5e+00
z 7
"""


def test_metrics_are_read_and_added_up() -> None:
    found = samples(METRICS)
    assert len(found) == 9
    assert total(found, "y_total") == 5.5
    assert total(found, "z") == 7


@pytest.mark.parametrize(("part", "bound"), [(0.05, 0.1), (0.5, 1.0), (0.51, float("inf"))])
def test_a_quantile_is_the_upper_bound_of_its_bucket(part: float, bound: float) -> None:
    assert quantile({}, samples(METRICS), "x", part) == bound


def test_a_histogram_that_saw_nothing_meanwhile_says_so() -> None:
    found = samples(METRICS)
    assert quantile(found, found, "x", 0.5) == float("inf")


def test_the_slope_of_a_line_is_found_in_noise() -> None:
    places = [float(place) for place in range(100)]
    assert slope(places, [1000 + 3 * round(place) + round(place) % 2 for place in places]) == pytest.approx(
        3, abs=0.01
    )
    assert slope([1.0], [5]) == 0.0


def test_figures_of_other_sizes_do_not_replace_the_usual_ones() -> None:
    assert results_name("hls_players", {}) == "scenario-hls_players"
    assert results_name("hls_players", {"players": 50}) == "scenario-hls_players-players-50"


REPORT = """\
Application protocol: h2

finished in 4.00s, 620.00 req/s, 1.30MB/s
requests: 2480 total, 2520 started, 2480 done, 2479 succeeded, 1 failed, 0 errored, 0 timeout
status codes: 2480 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 5.21MB (5462188) total, 120.50KB (123392) headers (space savings 61.00%), 4.90MB (5138020) data
"""


def test_what_h2load_reports_is_read_and_nothing_else_is() -> None:
    assert read_report(REPORT) == Asked(2479, 1, 5_462_188, "h2")
    with pytest.raises(ValueError, match="no report"):
        read_report("could not connect")
