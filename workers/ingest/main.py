"""The ingest role: publishers in.

    hand-over from a fanout worker -> publisher's task -> stream -> ring -> doorbells

A socket that was handed over while no ingest was alive waits on the bus; this process finds it there when it
begins.
"""

import time

import trio

from workers.ingest.desk import Desk
from workers.ingest.report import FROM_NOUGHT, Report
from workers.ingest.stream_news import StreamNews
from workers.ingest.streams import Streams
from workers.runtime.bans import BanWatch
from workers.runtime.circle import Circle
from workers.runtime.hook_line import open_line
from workers.runtime.worker import Worker

ROUND_S: float = 0.5
"""How often figures are written and grace times are looked at, seconds."""


async def serve(worker: Worker) -> None:
    """Run one ingest worker until it has drained."""
    worker.metrics.begin(*FROM_NOUGHT)
    report = Report(worker.metrics)
    line = open_line(worker)
    streams = Streams(worker, StreamNews(line, worker), BanWatch(worker.metrics.directory))
    worker.on_reload(streams.reconfigure)
    async with trio.open_nursery() as background:
        async with trio.open_nursery() as connections:
            circle = Circle()
            background.start_soon(circle.run)
            background.start_soon(line.run)
            desk = Desk(worker, streams, report, connections, circle, line)
            background.start_soon(make_rounds, streams, report, desk)
            desk.listen()
            worker.ready()
            await worker.draining.wait()
            desk.send_home()
        streams.end_all()
        report.flush(streams)
        await line.flush()
        background.cancel_scope.cancel()


async def make_rounds(streams: Streams, report: Report, desk: Desk) -> None:
    """Run until cancelled."""
    while True:
        await trio.sleep(ROUND_S)
        now_ns = time.monotonic_ns()
        for stream in streams:
            stream.report(now_ns)
        desk.check_bans()
        desk.check_idle()
        streams.look_after()
        report.flush(streams)
