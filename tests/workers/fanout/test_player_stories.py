"""What a trace tells of players whose connection carries others too."""

import pytest
import trio
from trio.testing import MockClock

from tests.engine.http2.talk import request
from tests.otlp import SeenSpan
from tests.workers.fanout.http2_stage import Http2Stage, connected
from tests.workers.fanout.stage import Stage, staged
from tests.workers.runtime.outside_stage import Figures
from tests.workers.runtime.span_post import CONTROL, Post
from workers.fanout.stories import PlayerStory
from workers.runtime.tracing import Tracer

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def trace(play: Http2Stage) -> tuple[Tracer, Post]:
    """Have everybody traced from now on."""
    post = Post()
    play.worker.tracer = Tracer(post, CONTROL, 1.0, Figures())
    return play.worker.tracer, post


def steps_of(root: SeenSpan, post: Post) -> list[str]:
    return [span.name for span in post.spans if span.parent_id == root.span_id]


async def test_players_on_one_connection_have_a_trace_each(autojump_clock: MockClock) -> None:
    stage = Stage()
    stage.publish(5)
    async with staged(stage), connected(stage) as play:
        tracer, post = trace(play)
        streams = [play.browser.ask(request(b"/live/a.flv")) for _ in range(2)]
        await play.browser.until(lambda: all(play.browser.bodies.get(stream) for stream in streams))
        stage.end()
        await play.browser.until(lambda: play.browser.ended >= set(streams))
        await trio.testing.wait_all_tasks_blocked()
        await tracer.flush()
    roots = [span for span in post.spans if span.name == "play"]
    assert len({root.trace_id for root in roots}) == 2
    for root in roots:
        assert steps_of(root, post) == ["access", "join", "first_byte", "session"]
        (session,) = (
            span for span in post.spans if span.name == "session" and span.parent_id == root.span_id
        )
        assert session.attributes["fanlight.reason"] == "stream_ended"
    assert [span.error for span in post.spans if span.error] == []


async def test_a_player_of_a_stream_that_is_not_there_failed_where_it_looked(
    autojump_clock: MockClock,
) -> None:
    async with connected(None) as play:
        tracer, post = trace(play)
        traceparent = (b"traceparent", f"00-{TRACE}-{SPAN}-01".encode())
        status, _, _ = await play.browser.get([*request(b"/live/a.flv"), traceparent])
        assert status == 404
        await trio.testing.wait_all_tasks_blocked()
        await tracer.flush()
    (root,) = (span for span in post.spans if span.name == "play")
    assert (root.trace_id, root.parent_id, root.error) == (TRACE, SPAN, "not_found")
    assert [(span.name, span.error) for span in post.spans] == [
        ("access", ""),
        ("join", "not_found"),
        ("play", "not_found"),
    ]


async def test_what_is_answered_at_once_is_no_story(autojump_clock: MockClock) -> None:
    async with connected(None) as play:
        tracer, post = trace(play)
        assert (await play.browser.get(request(b"/player.js")))[0] == 200
        await tracer.flush()
    assert post.spans == []


@pytest.mark.parametrize("has_seen", [True, False])
@pytest.mark.parametrize(
    ("reason", "error"),
    [("closed", ""), ("stream_ended", ""), ("too_slow", "too_slow"), ("lapped", "lapped")],
)
async def test_a_player_s_end_is_a_failure_by_its_reason_and_not_by_when_it_came(
    has_seen: bool, reason: str, error: str
) -> None:
    post = Post()
    tracer = Tracer(post, CONTROL, 1.0, Figures())
    coming_in = tracer.begin("play")
    assert coming_in is not None
    story = PlayerStory(coming_in)
    if has_seen:
        story.first_byte()
    story.end(reason, sent_bytes=1, jumps=0)
    await tracer.flush()
    last = post.spans[-1]
    assert (last.name, last.error) == ("session" if has_seen else "play", error)
    assert last.attributes["fanlight.reason"] == reason
