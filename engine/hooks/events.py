"""The bodies that services get: SRS's field names where it has the field, and ours beside them."""

from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from engine.hooks.notices import Ended, SegmentFinished
from engine.hooks.sessions import Session
from engine.hooks.settings import ENDS, STARTS, Action

VHOST: Final = "__defaultVhost__"
"""There are no virtual hosts here; services written for SRS find the name it has for that."""

_ENCODER: Final = msgspec.json.Encoder()


class Stamp(Struct, frozen=True):
    """What the sender adds to a session's facts."""

    sequence: int
    """Counts the events of one stream, from 1."""
    time_ms: int
    server_id: str


class Body(Struct, frozen=True, kw_only=True):
    """One event. What does not apply is left out of the JSON."""

    action: Action
    event_id: str
    sequence: int
    time_ms: int
    server_id: str
    client_id: str
    ip: str
    vhost: str = VHOST
    app: str
    stream: str
    param: str
    name: str
    """The stream's whole name: `app` and `stream` with a slash between them."""
    asked: str | UnsetType = UNSET
    connection_id: str | UnsetType = UNSET
    request_id: str | UnsetType = UNSET
    protocol: str | UnsetType = UNSET
    user_agent: str | UnsetType = UNSET
    decided_by: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    seconds: float | UnsetType = UNSET
    bytes: int | UnsetType = UNSET
    duration: float | UnsetType = UNSET
    file: str | UnsetType = UNSET
    url: str | UnsetType = UNSET
    m3u8_url: str | UnsetType = UNSET
    seq_no: int | UnsetType = UNSET


def encode(body: Body) -> bytes:
    """The JSON that is signed and sent."""
    return _ENCODER.encode(body)


def start_of(session: Session, stamp: Stamp, decided_by: str = "") -> Body:
    """The event of a session's start. `decided_by` is "policy" where no service had answered."""
    body = _of_session(session, STARTS[session.kind], "start", stamp)
    return replace(body, decided_by=decided_by) if decided_by else body


def end_of(session: Session, ended: Ended, stamp: Stamp) -> Body:
    """The event of a session's end."""
    body = _of_session(session, ENDS[session.kind], "end", stamp)
    return replace(body, reason=ended.reason, seconds=round(ended.seconds, 3), bytes=ended.bytes)


def segment_of(segment: SegmentFinished, stamp: Stamp) -> Body:
    """The event of a finished segment."""
    app, _, stream = segment.stream.rpartition("/")
    return Body(
        action="on_hls",
        event_id=segment.event_id,
        sequence=stamp.sequence,
        time_ms=stamp.time_ms,
        server_id=stamp.server_id,
        client_id="",
        ip="",
        app=app,
        stream=stream,
        param="",
        name=segment.stream,
        duration=round(segment.duration_s, 6),
        file=segment.file,
        url=segment.url,
        m3u8_url=f"/{segment.stream}.m3u8",
        seq_no=segment.seq_no,
    )


def _of_session(session: Session, action: Action, moment: str, stamp: Stamp) -> Body:
    app, _, stream = session.stream.rpartition("/")
    return Body(
        action=action,
        event_id=f"{session.id}.{moment}",
        sequence=stamp.sequence,
        time_ms=stamp.time_ms,
        server_id=stamp.server_id,
        client_id=session.client_id,
        ip=session.ip,
        app=app,
        stream=stream,
        param=f"?{session.param}" if session.param else "",
        name=session.stream,
        asked=session.asked or UNSET,
        connection_id=session.connection_id or UNSET,
        request_id=session.request_id or UNSET,
        protocol=session.protocol or UNSET,
        user_agent=session.user_agent or UNSET,
    )
