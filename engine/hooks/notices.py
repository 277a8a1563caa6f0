"""What workers tell the sender, in their own words; the sender makes events of it."""

from msgspec import Struct

from engine.hooks.sessions import Holder, Session


class Notice(Struct, frozen=True, tag=True, array_like=True):
    """Root of all notices."""


class Began(Notice, frozen=True):
    """A session that no service was asked about, or that began because none had answered."""

    session: Session


class Held(Notice, frozen=True):
    """The session passed into another process: a publisher, from the port to ingest."""

    session_id: str
    holder: Holder


class Ended(Notice, frozen=True):
    """A session is over; why, after how long, and how many bytes went through."""

    session_id: str
    reason: str
    seconds: float = 0.0
    bytes: int = 0


class SegmentFinished(Notice, frozen=True):
    """One segment of HLS is whole. `event_id` is the same however often this is said."""

    event_id: str
    stream: str
    seq_no: int
    duration_s: float
    file: str
    url: str


AnyNotice = Began | Held | Ended | SegmentFinished
