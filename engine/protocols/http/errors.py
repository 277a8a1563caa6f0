"""The three errors of this package. Any other exception that escapes it is a bug."""


class ProtocolError(Exception):
    """Base of both; never raised itself."""


class LocalProtocolError(ProtocolError):
    """We asked for something HTTP does not allow, such as a header value with a line break in it."""


class RemoteProtocolError(ProtocolError):
    """The client sent something we refuse.

    Args:
        reply: the status code to answer with.
        fields: what that answer has to say beside it.
    """

    def __init__(self, message: str, *, reply: int = 400, fields: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.reply = reply
        self.fields = fields
