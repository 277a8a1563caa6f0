"""The way to the collector: in batches, bounded, and patient with one that is down."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import cast

import pytest
import trio
import trio.testing

from engine.config import Config
from engine.config.secret import Secret
from engine.config.tree import Traces
from engine.policy.outgoing_errors import Broken, Forbidden, TooLarge, Unreachable
from engine.policy.outside import BreakerOpen
from engine.tracing import Span, SpanKind, encode_span
from tests.otlp import decode
from tests.workers.control.house import SLOTS
from tests.workers.runtime.outside_stage import Figures, Lines
from workers.control.trace_export import AGAIN_S, BATCH, GATHER_S, MAX_ATTEMPTS, MAX_BACKLOG, TraceExport
from workers.runtime.outgoing import Reply
from workers.runtime.worker import Worker

URL = "https://collector.example/v1/traces"
FANOUT0, CONTROL = 1, 3


class Collector:
    """Takes what is posted, or answers and fails as the test has it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[Mapping[str, str]] = []
        self.answer: Reply | Exception = Reply(200, b"{}", {})

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], deadline_s: float | None = None
    ) -> Reply:
        await trio.lowlevel.checkpoint()
        assert url == URL
        if isinstance(self.answer, Exception):
            raise self.answer
        self.bodies.append(body)
        self.headers.append(headers)
        return self.answer

    @property
    def count(self) -> int:
        return sum(len(decode(body)) for body in self.bodies)


class Stage:
    """An exporter with a house round it."""

    def __init__(self, authorization: str = "") -> None:
        self.figures, self.log = Figures(), Lines()
        self.collector = Collector()
        worker = SimpleNamespace(
            metrics=self.figures,
            log=self.log,
            slot=SLOTS[CONTROL],
            slots=SLOTS,
            tracer=SimpleNamespace(hand_on=None),
            bus=SimpleNamespace(handle=lambda kind, handler: None),
            board=SimpleNamespace(worker=lambda number: SimpleNamespace(pid=1000 + number)),
            config=Config(traces=Traces(url=URL, authorization=Secret(authorization))),
        )
        self.export = TraceExport(cast("Worker", worker))

    def take(self, count: int, source: int = FANOUT0) -> None:
        self.export._take(source, [span(number) for number in range(count)])

    def dropped(self) -> dict[str, float]:
        return self.figures.of("fanlight_trace_spans_dropped_total")

    def exported(self) -> float:
        return self.figures.bind("fanlight_trace_spans_exported_total").value


def span(number: int) -> bytes:
    return encode_span(
        Span(
            trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
            span_id=f"{number + 1:016x}",
            parent_id="",
            name=f"span {number}",
            kind=SpanKind.INTERNAL,
            start_ns=1,
            end_ns=2,
            attributes={},
            error="",
        )
    )


@pytest.fixture
async def stage(nursery: trio.Nursery) -> Stage:
    made = Stage()
    nursery.start_soon(made.export._run, made.collector)
    return made


async def test_spans_of_all_processes_go_together_each_under_its_own(
    autojump_clock: trio.testing.MockClock, stage: Stage
) -> None:
    stage.take(2)
    stage.take(1, CONTROL)
    await trio.sleep(GATHER_S * 1.5)
    (body,) = stage.collector.bodies
    seen = decode(body)
    assert [(one.name, one.process["fanlight.worker"], one.role) for one in seen] == [
        ("span 0", "fanout0", "fanout"),
        ("span 1", "fanout0", "fanout"),
        ("span 0", SLOTS[CONTROL].name, "control"),
    ]
    assert seen[0].process["process.pid"] == 1000 + FANOUT0
    assert stage.exported() == 3


async def test_more_than_a_batch_is_sent_in_batches(
    autojump_clock: trio.testing.MockClock, stage: Stage
) -> None:
    stage.take(BATCH + 1)
    await trio.sleep(GATHER_S * 1.5)
    assert [len(decode(body)) for body in stage.collector.bodies] == [BATCH, 1]


@pytest.mark.parametrize("fault", [Unreachable("traces", "down", "see"), BreakerOpen("traces", 3.0)])
async def test_a_collector_that_is_down_gets_them_when_it_is_back(
    fault: Exception, autojump_clock: trio.testing.MockClock, stage: Stage
) -> None:
    stage.collector.answer = fault
    stage.take(3)
    await trio.sleep(GATHER_S + 3 * AGAIN_S)
    assert stage.dropped() == {}
    stage.collector.answer = Reply(200, b"", {})
    await trio.sleep(2 * AGAIN_S)
    assert stage.collector.count == stage.exported() == 3


async def test_the_backlog_is_bounded_and_what_does_not_fit_is_counted(
    autojump_clock: trio.testing.MockClock, stage: Stage
) -> None:
    stage.collector.answer = Unreachable("traces", "down", "see")
    stage.take(MAX_BACKLOG - 1)
    stage.take(5)
    assert stage.dropped() == {"backlog_full": 4}
    stage.collector.answer = Reply(200, b"", {})
    await trio.sleep(2 * AGAIN_S)
    assert stage.exported() == MAX_BACKLOG


@pytest.mark.parametrize(
    "answer",
    [
        Forbidden("traces", "not allowed", "allow it"),
        TooLarge("traces", "a long answer", "see"),
        Reply(400, b"no", {}),
    ],
)
async def test_what_can_never_be_sent_goes_and_is_told(
    answer: Reply | Exception, autojump_clock: trio.testing.MockClock, stage: Stage
) -> None:
    stage.collector.answer = answer
    stage.take(3)
    await trio.sleep(GATHER_S * 1.5)
    assert stage.dropped() == {"not_sent": 3}
    assert [(line["event"], line["count"]) for line in stage.log.lines] == [("spans_not_sent", 3)]


async def test_a_batch_that_the_collector_fails_at_again_and_again_goes_and_others_follow(
    autojump_clock: trio.testing.MockClock, stage: Stage
) -> None:
    stage.collector.answer = Broken("traces", "it broke off", "see")
    stage.take(BATCH + 3)
    await trio.sleep(GATHER_S + (MAX_ATTEMPTS - 1.5) * AGAIN_S)
    assert stage.dropped() == {}
    await trio.sleep(AGAIN_S)
    assert stage.dropped() == {"not_sent": BATCH}
    stage.collector.answer = Reply(200, b"", {})
    await trio.sleep(2 * AGAIN_S)
    assert stage.exported() == 3


async def test_what_is_left_when_the_engine_ends_is_counted_and_what_comes_after_it_too(stage: Stage) -> None:
    stage.take(3)
    stage.export._give_up()
    assert stage.dropped() == {"not_sent": 3}
    tracer = stage.export._worker.tracer
    assert tracer is not None
    await tracer.hand_on([span(0), span(1)])
    assert stage.dropped() == {"not_sent": 5}


async def test_what_the_collector_rejects_is_counted(
    autojump_clock: trio.testing.MockClock, stage: Stage
) -> None:
    stage.collector.answer = Reply(200, b'{"partialSuccess": {"rejectedSpans": "2"}}', {})
    stage.take(3)
    await trio.sleep(GATHER_S * 1.5)
    assert stage.dropped() == {"rejected": 2}
    assert stage.exported() == 1


async def test_the_collector_s_credentials_are_shown_to_it(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    stage = Stage(authorization="Bearer of-the-collector")
    nursery.start_soon(stage.export._run, stage.collector)
    stage.take(1)
    await trio.sleep(GATHER_S * 1.5)
    assert stage.collector.headers == [
        {"content-type": "application/json", "authorization": "Bearer of-the-collector"}
    ]
