"""Errors of HLS. Any other exception that escapes this package is a bug."""


class ProtocolError(Exception):
    """Base of all; never raised itself."""


class LocalProtocolError(ProtocolError):
    """We asked for something that no playlist can say, such as a URI with a quotation mark in it."""


class BadMark(LocalProtocolError):
    """No mark, or none that can follow those before: whoever reads on needs a newer snapshot."""


class BadSnapshot(LocalProtocolError):
    """Bytes that are no snapshot of a window."""


class RemoteProtocolError(ProtocolError):
    """The player asked for nonsense; `reply` is the status code to answer with."""

    def __init__(self, message: str, *, reply: int = 400) -> None:
        super().__init__(message)
        self.reply = reply
