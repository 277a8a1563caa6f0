"""One process's part in traces: who is traced, what becomes a span, and what when nobody takes them."""

import subprocess
import sys

import pytest
import structlog
import trio
import trio.testing

from engine.tracing import parse_traceparent
from tests.workers.runtime.outside_stage import Figures
from tests.workers.runtime.span_post import CONTROL, Post
from workers.runtime.tracing import BATCH, FLUSH_S, FORCED_PER_S, MAX_WAITING, Tracer

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, NOT_SAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def figures() -> Figures:
    return Figures()


def tracer_of(post: Post, figures: Figures, ratio: float = 1.0) -> Tracer:
    return Tracer(post, CONTROL, ratio, figures)


async def test_steps_are_spans_that_follow_each_other_within_the_story(post: Post, figures: Figures) -> None:
    tracer = tracer_of(post, figures)
    story = tracer.begin("rtmp")
    assert story is not None
    tracer.step("handshake")
    tracer.step("access", story_name="publish")
    story.tell(fanlight__stream="live/a")
    tracer.end()
    tracer.step("after the end")
    await tracer.flush()
    handshake, access, publish = post.spans
    assert (handshake.name, access.name, publish.name) == ("handshake", "access", "publish")
    assert {span.trace_id for span in post.spans} == {publish.trace_id}
    assert (handshake.parent_id, access.parent_id, publish.parent_id) == (
        publish.span_id,
        publish.span_id,
        "",
    )
    assert publish.start_ns <= handshake.start_ns <= handshake.end_ns <= access.start_ns <= publish.end_ns
    assert publish.attributes == {"fanlight.stream": "live/a"}
    assert figures.bind("fanlight_trace_spans_total").value == 3


async def test_a_failure_marks_the_step_and_the_story_once(post: Post, figures: Figures) -> None:
    tracer = tracer_of(post, figures)
    tracer.begin("rtmp")
    tracer.step("access", story_name="play")
    tracer.end("bad_key")
    tracer.leave("not_finished")
    await tracer.flush()
    assert [(span.name, span.error) for span in post.spans] == [("access", "bad_key"), ("play", "bad_key")]


async def test_another_process_goes_on_from_the_step_that_it_was_handed(post: Post, figures: Figures) -> None:
    here, there = tracer_of(post, figures), tracer_of(post, figures, ratio=0.0)
    here.begin("publish")
    here.step("hand_over")
    session = there.follow("session", here.traceparent())
    here.end()
    assert session is not None
    session.end()
    await here.flush()
    await there.flush()
    hand_over, publish, continued = post.spans
    assert continued.parent_id == hand_over.span_id
    assert continued.trace_id == publish.trace_id


async def test_where_nothing_is_kept_nothing_is_handed_on(post: Post, figures: Figures) -> None:
    tracer = tracer_of(post, figures, ratio=0.0)
    assert tracer.begin("publish") is None
    tracer.step("handshake")
    assert tracer.traceparent() == ""
    assert tracer.follow("session", "") is None
    tracer.end()
    await tracer.flush()
    assert post.bodies == []


async def test_a_client_s_traceparent_decides_either_way(post: Post, figures: Figures) -> None:
    never, always = tracer_of(post, figures, ratio=0.0), tracer_of(post, figures, ratio=1.0)
    story = never.begin("play", SAMPLED)
    assert story is not None
    assert story.context.trace_id == TRACE
    story.end()
    await never.flush()
    assert [(span.trace_id, span.parent_id) for span in post.spans] == [(TRACE, SPAN)]
    assert always.begin("play", NOT_SAMPLED) is None
    assert always.begin("play", "nonsense") is not None


async def test_clients_cannot_have_everything_traced(post: Post, figures: Figures) -> None:
    tracer = tracer_of(post, figures, ratio=0.0)
    tracer.now_s = lambda: 0.0  # a flood takes no time
    kept = [tracer.begin("play", SAMPLED) is not None for _ in range(int(FORCED_PER_S) + 5)]
    assert kept == [True] * int(FORCED_PER_S) + [False] * 5


async def test_nor_by_an_id_that_every_ratio_would_keep(post: Post, figures: Figures) -> None:
    """The last digits of an id are what a ratio is compared with."""
    tracer = tracer_of(post, figures, ratio=1e-12)
    tracer.now_s = lambda: 0.0
    chosen = f"00-{'0' * 31}1-{SPAN}-01"
    kept = [tracer.begin("play", chosen) is not None for _ in range(int(FORCED_PER_S) + 5)]
    assert kept == [True] * int(FORCED_PER_S) + [False] * 5


async def test_tasks_have_stories_of_their_own_and_lines_say_which(post: Post, figures: Figures) -> None:
    tracer = tracer_of(post, figures)
    seen: dict[str, tuple[str, str]] = {}

    async def serve(name: str) -> None:
        tracer.begin(name)
        await trio.lowlevel.checkpoint()
        told = structlog.contextvars.get_contextvars()["trace_id"]
        seen[name] = (tracer.traceparent(), told)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, "a")
        nursery.start_soon(serve, "b")
    contexts = {name: parse_traceparent(header) for name, (header, _) in seen.items()}
    assert contexts["a"] != contexts["b"]
    assert all(context and context.trace_id == seen[name][1] for name, context in contexts.items())
    assert tracer.current() is None


async def test_who_leaves_a_story_is_in_none(post: Post, figures: Figures) -> None:
    tracer = tracer_of(post, figures)
    tracer.begin("request")
    tracer.leave()
    assert tracer.current() is None
    assert "trace_id" not in structlog.contextvars.get_contextvars()


async def test_spans_go_out_a_moment_after_the_first_in_bounded_batches(
    post: Post, figures: Figures, autojump_clock: trio.testing.MockClock
) -> None:
    tracer = tracer_of(post, figures)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tracer.run)
        for _ in range(2 * BATCH + 1):
            tracer.begin("request")
            tracer.end()
        await trio.sleep(FLUSH_S / 2)
        assert post.sizes == []
        await trio.sleep(FLUSH_S)
        assert post.sizes == [BATCH, BATCH, 1]
        nursery.cancel_scope.cancel()


async def test_a_queue_that_nobody_empties_does_not_grow(post: Post, figures: Figures) -> None:
    tracer = tracer_of(post, figures)
    for _ in range(MAX_WAITING + 10):
        tracer.begin("request")
        tracer.end()
    assert figures.of("fanlight_trace_spans_dropped_total") == {"queue_full": 10}
    post.is_full = True
    await tracer.flush()
    assert figures.of("fanlight_trace_spans_dropped_total") == {
        "queue_full": 10,
        "not_handed_on": MAX_WAITING,
    }


async def test_a_batch_that_a_leaving_worker_could_not_hand_on_is_counted(
    post: Post, figures: Figures, autojump_clock: trio.testing.MockClock
) -> None:
    tracer = tracer_of(post, figures)

    async def hang(_spans: list[bytes]) -> None:
        await trio.sleep_forever()

    tracer.hand_on = hang
    for _ in range(BATCH + 3):
        tracer.begin("request")
        tracer.end()
    await tracer.flush_at_last()
    assert figures.of("fanlight_trace_spans_dropped_total") == {"not_handed_on": BATCH + 3}


def test_traces_that_are_off_are_not_even_imported() -> None:
    script = (
        "import sys, importlib; from workers.supervisor.main import ROLES;"
        "[importlib.import_module(module) for module in ROLES.values()];"
        "import workers.control.service, workers.runtime.boot;"
        "ours = [name for name in sys.modules if name.startswith(('engine', 'workers'))];"
        "words = ('tracing', 'trace_export', 'traced', 'stories', 'session_story');"
        "print([name for name in ours if any(word in name.split('.') for word in words)])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"
