"""What the log has of requests to the media port, and of players of any protocol that were not let in.

Each answer carries an `x-request-id`, and whoever reports one must find it here. What went well is a line at
debug alone, since a player of HLS asks four times a second; so `Ordinary.logged` is asked before, and nothing
is made of a request that nobody wants to read of. The path is in no line: strangers put into it what they
like, and a key that was meant for the query with it.
"""

from structlog.typing import FilteringBoundLogger

from workers.fanout.audience import Audience
from workers.runtime.logs import Ordinary

FIRST_REFUSAL: int = 400
"""The status from which on an answer is none of those that were asked for."""


def is_told(status: int) -> bool:
    """Whether such an answer is in the log at all."""
    return status >= FIRST_REFUSAL or Ordinary.logged


def tell_request(
    log: FilteringBoundLogger,
    *,
    conn: str,
    remote: str,
    request_id: str,
    method: str,
    route: str,
    status: int,
    seconds: float | None = None,
) -> None:
    """Tell of one request and its answer. Ask `is_told` first. seconds: None where a stream is the answer.

    The id is handed in, though many a task has it bound: kept connections share one that answers for all.
    """
    fields: dict[str, object] = {
        "conn": conn,
        "remote": remote,
        "request_id": request_id,
        "method": method,
        "route": route,
        "status": status,
    }
    if seconds is not None:
        fields["ms"] = round(seconds * 1000, 3)
    if status >= FIRST_REFUSAL:
        log.info("request", **fields)
    else:
        log.debug("request", **fields)


def refuse_play(
    audience: Audience,
    *,
    protocol: str,
    reason: str,
    conn: str,
    remote: str,
    stream: str,
    request_id: str = "",
) -> None:
    """Count a player that was not let in, and tell of it. stream: empty where what was asked for is no
    stream's name; request_id: where it came by HTTP."""
    audience.report.play_refused(protocol, reason)
    of_request = {"request_id": request_id} if request_id else {}
    audience.worker.log.info(
        "play_refused",
        protocol=protocol,
        reason=reason,
        conn=conn,
        remote=remote,
        stream=stream,
        **of_request,
    )
