"""Errors of MPEG-TS. Any other exception that escapes the reader or the writer is a bug."""

from engine.protocols.mpegts.events import TsEvent


class ProtocolError(Exception):
    """Base of both; never raised itself."""


class LocalProtocolError(ProtocolError):
    """We misused the package: fed a reader that is over, or gave a table more than it can hold."""


class RemoteProtocolError(ProtocolError):
    """What comes in is no MPEG-TS.

    Damage is not an error: it is counted and the stream goes on. `events` are those of the same `receive`
    call that were complete before the offence. reply is the HTTP status for whoever sent it.
    """

    def __init__(self, reason: str, reply: int = 400) -> None:
        super().__init__(reason)
        self.reply = reply
        self.events: tuple[TsEvent, ...] = ()
