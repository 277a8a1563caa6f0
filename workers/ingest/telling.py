"""What is told of a publisher beyond its log lines: its part of a trace, and at level trace each message."""

from typing import TYPE_CHECKING

from structlog.typing import FilteringBoundLogger

from workers.ingest.stream import Message
from workers.runtime.logs import log_packet
from workers.runtime.messages import HandOver
from workers.runtime.worker import Worker

if TYPE_CHECKING:
    from workers.ingest.session_story import SessionStory


def open_story(worker: Worker, message: HandOver) -> "SessionStory | None":
    """The story of the session that begins with this hand-over, if its trace is kept."""
    if worker.tracer is None:
        return None
    from workers.ingest.session_story import story_of  # here: what is off is not even imported

    return story_of(worker.tracer, message.traceparent)


def log_message(log: FilteringBoundLogger, conn: str, stream: str, message: Message) -> None:
    """One message of a publisher. Ask `Packets.logged` first."""
    log_packet(
        log,
        "message",
        conn=conn,
        stream=stream,
        kind=message.kind,
        timestamp_ms=message.timestamp_ms,
        bytes=len(message.body),
    )
