"""Handing a publisher on to the ingest that owns its stream."""

import socket
import zlib

from msgspec.structs import replace

from workers.fanout.report import Report
from workers.runtime.messages import HandOver
from workers.runtime.slots import INGEST, of_role
from workers.runtime.worker import Worker


async def hand_over(
    worker: Worker, report: Report, name: str, message: HandOver, sock: socket.socket
) -> None:
    """Send socket and protocol state to the ingest of stream `name`; our copy of the socket is the caller's
    to close. Raises BusError."""
    tracer = worker.tracer
    if tracer is not None:
        tracer.step("hand_over")
        message = replace(message, traceparent=tracer.traceparent())
    try:
        await worker.bus.send(ingest_of(worker, name), message, fds=[sock.fileno()])
    except BaseException:
        report.handed_over("no_worker")
        raise
    report.handed_over("accepted")
    if tracer is not None:
        tracer.end()


def publisher_id(worker: Worker, name: str, conn_id: str) -> str:
    """What a publisher of stream `name` will be called, once its ingest has it."""
    ingest = worker.slots[ingest_of(worker, name)]
    return f"{ingest.name}-{conn_id.rsplit('-', 1)[-1]}"


def ingest_of(worker: Worker, name: str) -> int:
    """The slot number of the ingest that has the stream, or would get it.

    The name alone decides, so that two publishers who come at once through different workers meet in one
    ingest.
    """
    ingests = [slot.number for slot in of_role(worker.slots, INGEST)]
    record = worker.directory.find(name)
    return ingests[record.ingest if record else zlib.crc32(name.encode()) % len(ingests)]
