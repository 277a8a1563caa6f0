"""The errors of this package. Any other exception that escapes it is a bug."""


class ProtocolError(Exception):
    """Base of both; never raised itself."""


class LocalProtocolError(ProtocolError):
    """The reader was misused: fed after its header, or after an error."""


class RemoteProtocolError(ProtocolError):
    """What came is no PROXY header. There is nothing to answer: the sender hangs up, as the specification
    wants it (section 2: "must abort the connection").
    """
