"""The packager role: streams into segments and parts for HLS.

    ring of tags -> package -> ring of chunks and marks -> any fanout worker
                           \\-> finished segments in a folder on tmpfs

Streams are shared out over packagers by their slots; one that comes back goes to the packager it had. A
stream is packaged while it lives, or, where its settings say so, while somebody asks for its playlists. A
packager that takes the seat of a dead one goes on with its packages.
"""

import trio

from engine.policy.leaks import Holdings
from workers.packager.packages import PackageRack
from workers.packager.report import Report
from workers.packager.segment_news import SegmentNews
from workers.runtime.bells import BellListener
from workers.runtime.hook_line import open_line
from workers.runtime.worker import Worker

ROUND_S: float = 0.25
"""How often streams are looked at that nobody rang for, seconds."""


async def serve(worker: Worker) -> None:
    """Run one packager until it has drained."""
    async with trio.open_nursery() as background:
        line = open_line(worker)
        background.start_soon(line.run)
        async with trio.open_nursery() as packaging:
            news = SegmentNews(line, worker)
            rack = PackageRack(worker, packaging, Report(worker.metrics), news)
            listener = BellListener(worker.doorbell, rack.look)
            rack.attach(listener)
            worker.holdings = lambda: Holdings(packages=rack.packages)
            rack.adopt()
            background.start_soon(listener.listen)
            background.start_soon(make_rounds, rack)
            worker.ready()
            await worker.draining.wait()
            rack.end_all()
        await line.flush()
        background.cancel_scope.cancel()


async def make_rounds(rack: PackageRack) -> None:
    """Run until cancelled."""
    while True:
        rack.look()
        rack.clear_away()
        await trio.sleep(ROUND_S)
