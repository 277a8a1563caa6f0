"""What the engine's own telling costs: a log line, one that its level or its rate keeps back, and a trace.

Where traces are off, what remains of them is the look at `worker.tracer`: timed as each place has it, and
beside it the same loop without it. A traced connection is a story with four steps, as a publisher's is in
its fanout worker.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import trio

from bench.micro.clock import Step
from engine.config import Log
from workers.runtime.logs import begin_as_child, configure_logs, open_log
from workers.runtime.messages import AnyMessage
from workers.runtime.metrics import Metrics
from workers.runtime.tracing import Tracer

LINES = 2_000
LOOKS = 100_000
STORIES = 500


def telling_steps() -> list[Step]:
    """Built when asked for: a folder for the file and the metrics comes with it."""
    folder = tempfile.TemporaryDirectory(prefix="fanlight-bench-")
    file = str(Path(folder.name) / "log")
    metrics = Metrics("bench0", folder.name)

    def step(name: str, settings: Log, write: Callable[[], None]) -> Step:
        def work() -> None:
            configure_logs(settings)
            write()
            begin_as_child()
            configure_logs(Log())
            folder.name  # noqa: B018 - the folder lives as long as its step

        return Step(name, work, LINES, "line")

    many = Log(format="json", stream="off", file=file, max_lines_per_s=100_000)
    few = Log(format="json", stream="off", file=file, max_lines_per_s=1)
    return [
        step("log: a line to a file that all processes write", many, _write_lines),
        step("log: a line below the level", many, _write_unseen),
        step("log: a line beyond its rate", few, _write_lines),
        Step("traces: a loop that looks for nothing", lambda: _look(_Off(), asks=False), LOOKS, "turn"),
        Step(
            "traces: the same with the look at what is off", lambda: _look(_Off(), asks=True), LOOKS, "look"
        ),
        Step(
            "traces: a connection that is not kept", lambda: trio.run(_tell, metrics, 0.0), STORIES, "story"
        ),
        Step("traces: a connection that is kept", lambda: trio.run(_tell, metrics, 1.0), STORIES, "story"),
    ]


class _Off:
    """The part of a worker that is looked at."""

    tracer: Tracer | None = None


class _Nowhere:
    """A bus whose far end takes everything."""

    async def send(self, to: int, message: AnyMessage) -> None:
        """Gone."""


def _write_lines() -> None:
    log = open_log("fanout0")
    for number in range(LINES):
        log.info("playing", conn="fanout0-5f1c0a9be2d4", stream="live/demo", protocol="rtmp", bytes=number)


def _write_unseen() -> None:
    log = open_log("fanout0")
    for number in range(LINES):
        log.debug("hook_failed", event_id="5f1c0a9be2d4", again_in_s=number)


def _look(worker: _Off, *, asks: bool) -> None:
    if not asks:
        for _ in range(LOOKS):
            pass
        return
    for _ in range(LOOKS):
        if worker.tracer is not None:
            worker.tracer.step("access")


async def _tell(metrics: Metrics, ratio: float) -> None:
    tracer = Tracer(_Nowhere(), 0, ratio, metrics)
    for _ in range(STORIES):
        tracer.begin("rtmp")
        for name in ("handshake", "access", "join", "first_byte"):
            tracer.step(name)
        tracer.leave("")
    await tracer.flush()
