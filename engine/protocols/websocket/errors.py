"""The three errors of this package. Any other exception that escapes it is a bug."""


class ProtocolError(Exception):
    """Base of both; never raised itself."""


class LocalProtocolError(ProtocolError):
    """We asked for a frame that RFC 6455 does not allow."""


class RemoteProtocolError(ProtocolError):
    """The client broke the protocol.

    `reply` says how to answer: an HTTP status (400, 426) from the handshake, a close code (1002,
    1007, 1009) from a frame.
    """

    def __init__(self, message: str, *, reply: int) -> None:
        super().__init__(message)
        self.reply = reply
