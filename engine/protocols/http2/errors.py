"""The three errors of this package. Any other exception that escapes it is a bug."""

from typing import Literal

Flood = Literal[
    "resets",
    "settings",
    "pings",
    "window_updates",
    "body_frames",
    "other_frames",
    "continuations",
    "header_list",
]
"""What a client may send too much of."""


class ProtocolError(Exception):
    """Base of both; never raised itself."""


class LocalProtocolError(ProtocolError):
    """We asked for something HTTP/2 does not allow, such as data on a stream that has ended."""


class RemoteProtocolError(ProtocolError):
    """The client broke the connection's rules: it is told so by a GOAWAY, which is in the output already.

    Args:
        code: the error code in it (RFC 9113 section 7).
        flood: what the client sent too much of; None for what is wrong in itself.
    """

    def __init__(self, message: str, *, code: int, flood: Flood | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.flood = flood
