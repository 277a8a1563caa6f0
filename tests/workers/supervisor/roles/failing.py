"""A role that cannot start."""

from workers.runtime.worker import Worker


async def serve(_worker: Worker) -> None:
    raise RuntimeError("no such device")
