"""The control role's entry. Light on purpose: the supervisor imports it before it forks."""

from workers.runtime.worker import Worker


async def serve(worker: Worker) -> None:
    """Serve the API, the metrics and the probes until drained."""
    from workers.control.service import run  # here: see that module's opening

    await run(worker)
