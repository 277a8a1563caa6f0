"""A role that blocks the whole loop as soon as it is told to drain: only SIGKILL ends it."""

import time

from workers.runtime.worker import Worker


async def serve(worker: Worker) -> None:
    worker.ready()
    await worker.draining.wait()
    while True:
        time.sleep(60)  # noqa: ASYNC251  # blocking the loop is the point
