"""Errors of the FLV reader. Any other exception that escapes it is a bug."""


class ProtocolError(Exception):
    """Something is wrong with an FLV stream or with how the reader is used."""


class LocalProtocolError(ProtocolError):
    """The reader was misused: fed after an error or after its end."""


class RemoteProtocolError(ProtocolError):
    """The bytes are no FLV, or break a limit. reply is the HTTP status for whoever sent them."""

    def __init__(self, reason: str, reply: int = 400) -> None:
        super().__init__(reason)
        self.reply = reply
