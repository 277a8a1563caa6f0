"""A fanout role whose second worker falls ill when it is started again, and recovers after some deaths."""

from tests.workers.supervisor.roles import steady
from workers.runtime.worker import Worker

ILL = range(2, 7)  # generations


async def serve(worker: Worker) -> None:
    if worker.slot.index == 1 and worker.cell.generation in ILL:
        raise RuntimeError("ill")
    await steady.serve(worker)
