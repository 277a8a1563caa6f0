"""A role that does not leave when asked: it has to be cancelled at its deadline."""

import trio

from workers.runtime.worker import Worker


async def serve(worker: Worker) -> None:
    worker.ready()
    await trio.sleep_forever()
