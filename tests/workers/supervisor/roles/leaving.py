"""A role that returns although nobody asked it to."""

from workers.runtime.worker import Worker


async def serve(worker: Worker) -> None:
    worker.ready()
