"""End to end: ffmpeg publishes and plays, and a collector sees each step in the process that took it."""

import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.e2e.children import start
from tests.e2e.engine_process import RunningEngine
from tests.e2e.hook_service import HookService, hook_service, hooked
from tests.e2e.media import Media, command, finish, play, publish_for, publishing
from tests.e2e.trace_collector import TraceCollector, trace_collector

pytestmark = pytest.mark.slow

AUTHORIZATION: Final = "Bearer for-the-collector"
TOKEN: Final = "t0ken-of-the-encoder"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SERVER, CLIENT = 2, 3


class Stage(NamedTuple):
    """An engine, the service that its hooks ask, and the collector of its traces."""

    engine: RunningEngine
    service: HookService
    collector: TraceCollector


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("traced")
    with ExitStack() as stack:
        service = stack.enter_context(hook_service())
        collector = stack.enter_context(trace_collector())
        traces: dict[str, object] = {"url": collector.url, "ratio": 1.0, "authorization": AUTHORIZATION}
        settings = hooked(service, str(folder / "spool")) | {"traces": traces, "publish": {"grace_s": 0.0}}
        yield Stage(stack.enter_context(RunningEngine(folder, settings)), service, collector)
    assert collector.errors == []
    assert collector.authorizations == {AUTHORIZATION}
    assert TOKEN not in str(collector.spans)


@pytest.fixture
def on_air(stage: Stage, ffmpeg: Path, media: Media) -> Iterator[str]:
    """The name of a stream that is being published."""
    with publishing(ffmpeg, media.h264, stage.engine.rtmp_url("live/on-air")):
        stage.engine.wait_for_stream("live/on-air", tags=10)
        yield "live/on-air"


def play_first_frames(ffmpeg: Path, url: str) -> "subprocess.Popen[bytes]":
    """A player that leaves once it has seen something."""
    hasty = ["-analyzeduration", "300000"]
    return start(command(ffmpeg, *hasty, "-i", url, "-frames:v", "3", "-f", "null", "-"))


def test_a_publisher_is_one_trace_from_accept_to_its_end(stage: Stage, ffmpeg: Path, media: Media) -> None:
    engine, service, collector = stage
    url = f"{engine.rtmp_url('live/traced')}?token={TOKEN}"
    finish(publish_for(ffmpeg, media.h264, 1.5, url))
    session = collector.wait_for("session", lambda span: span.role == "ingest")
    root = collector.wait_for("publish", lambda span: span.trace_id == session.trace_id)
    handshake, access, hand_over = (
        collector.child(root, name) for name in ("handshake", "access", "hand_over")
    )
    decide = collector.child(access, "decide")
    hook = collector.child(decide, "hook")
    first_keyframe = collector.child(session, "first_keyframe")
    assert session.parent_id == hand_over.span_id
    assert root.parent_id == ""
    assert {span.role for span in (root, handshake, access, hand_over)} == {"fanout"}
    assert {span.role for span in (decide, hook)} == {"control"}
    assert first_keyframe.role == "ingest"
    assert (root.kind, hook.kind) == (SERVER, CLIENT)
    assert root.start_ns <= handshake.start_ns <= access.start_ns <= hand_over.start_ns <= session.start_ns
    assert session.start_ns <= first_keyframe.end_ns <= session.end_ns
    assert session.attributes["fanlight.stream"] == "live/traced"
    assert session.attributes["fanlight.reason"] == "finished"
    assert int(str(session.attributes["fanlight.tags"])) > 50
    assert hook.attributes["http.response.status_code"] == 200
    assert [span.error for span in collector.spans if span.trace_id == root.trace_id and span.error] == []
    # The service was told which span its call is.
    assert f"00-{hook.trace_id}-{hook.span_id}-01" in service.traceparents
    # And the log says which lines belong to it, in both processes.
    for event, worker in (("publishing", "ingest0"), ("unpublished", "ingest0")):
        line = engine.log.wait_for(event, where=lambda line: line["stream"] == "live/traced")
        assert (line["worker"], line["trace_id"]) == (worker, root.trace_id)


@pytest.mark.parametrize("protocol", ["http-flv", "rtmp", "srt"])
def test_a_player_is_one_trace_from_accept_to_its_first_byte_and_its_end(
    protocol: str, stage: Stage, on_air: str, ffmpeg: Path
) -> None:
    engine, _, collector = stage
    urls = {
        "http-flv": engine.http_url(on_air),
        "rtmp": engine.rtmp_url(on_air),
        "srt": engine.srt_url(on_air, "request"),
    }
    finish(play_first_frames(ffmpeg, urls[protocol]))
    root = collector.wait_for("play", lambda span: span.attributes.get("fanlight.protocol") == protocol)
    steps = [collector.child(root, step) for step in ("handshake", "access", "join", "first_byte")]
    collector.child(collector.child(steps[1], "decide"), "hook")
    session = collector.child(root, "session")
    assert root.attributes["fanlight.stream"] == on_air
    assert {span.role for span in (root, session, *steps)} == {"fanout"}
    assert all(root.start_ns <= step.start_ns <= step.end_ns <= root.end_ns for step in steps)
    assert session.start_ns >= steps[3].start_ns
    assert int(str(session.attributes["fanlight.bytes"])) > 1000
    conn = root.attributes["fanlight.conn"]
    for event in ("playing", "ended"):
        line = engine.log.wait_for(event, where=lambda line: line["conn"] == conn)
        assert line["trace_id"] == root.trace_id


def test_a_publisher_over_srt_is_handed_on_with_its_trace(stage: Stage, ffmpeg: Path, media: Media) -> None:
    engine, _, collector = stage
    name = "live/over-srt"
    form = ["-t", "1.5", "-c", "copy", "-f", "mpegts"]
    finish(start(command(ffmpeg, "-re", "-i", media.h264, *form, engine.srt_url(name))))
    session = collector.wait_for("session", lambda span: span.attributes.get("fanlight.stream") == name)
    root = collector.wait_for("publish", lambda span: span.trace_id == session.trace_id)
    assert session.parent_id == collector.child(root, "hand_over").span_id
    assert {collector.child(root, step).role for step in ("access", "handshake")} == {"fanout"}
    assert collector.child(session, "first_keyframe").error == ""


def test_a_client_s_own_trace_is_gone_on_with_and_its_request_id_is_in_the_log(
    stage: Stage, on_air: str
) -> None:
    engine, _, collector = stage
    headers = {"traceparent": f"00-{TRACE}-{SPAN}-01", "x-request-id": "of-the-page"}
    request = urllib.request.Request(engine.http_url(on_air), headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read(1000)
    root = collector.wait_for("play", lambda span: span.trace_id == TRACE)
    assert root.parent_id == SPAN
    assert root.attributes["fanlight.request_id"] == "of-the-page"
    for event in ("playing", "ended"):
        line = engine.log.wait_for(event, where=lambda line: line.get("request_id") == "of-the-page")
        assert line["trace_id"] == TRACE


def test_who_is_refused_is_a_trace_that_failed(stage: Stage, ffmpeg: Path, tmp_path: Path) -> None:
    engine, service, collector = stage
    service.answer = lambda body: (403, "") if body["stream"] == "not-for-you" else (200, "0")
    player = play(ffmpeg, engine.rtmp_url("live/not-for-you"), into=tmp_path / "player")
    player.communicate(timeout=40)
    assert player.returncode != 0
    root = collector.wait_for("play", lambda span: span.error == "hook_denied")
    assert collector.child(root, "access").error == "hook_denied"
    hook = collector.child(collector.child(collector.child(root, "access"), "decide"), "hook")
    assert (hook.error, hook.attributes["http.response.status_code"]) == ("status 403", 403)


def test_a_request_to_the_api_is_a_span_by_its_route(stage: Stage) -> None:
    engine, _, collector = stage
    assert engine.status(engine.api_url("streams/live/nowhere")) == 404
    engine.api("workers")
    span = collector.wait_for("GET /api/v1/workers")
    assert (span.role, span.kind, span.parent_id, span.error) == ("control", SERVER, "", "")
    assert span.attributes == {
        "http.request.method": "GET",
        "http.route": "/api/v1/workers",
        "http.response.status_code": 200,
    }
    refused = collector.wait_for("GET /api/v1/streams/{name}", lambda span: not span.error)
    assert refused.attributes["http.response.status_code"] == 404


def test_the_books_of_spans_balance(stage: Stage) -> None:
    engine, _, collector = stage
    engine.api("workers")
    deadline = time.monotonic() + 20
    while (ended := figure(engine, "fanlight_trace_spans_total")) != figure(
        engine, "fanlight_trace_spans_exported_total"
    ) or ended != len(collector.spans):
        assert time.monotonic() < deadline, (ended, len(collector.spans))
        time.sleep(0.1)
    assert "fanlight_trace_spans_dropped_total{" not in "".join(
        line for line in engine.metrics().splitlines() if not line.endswith(" 0.0")
    )


def figure(engine: RunningEngine, name: str) -> float:
    """One counter without labels."""
    lines = engine.metrics().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))
