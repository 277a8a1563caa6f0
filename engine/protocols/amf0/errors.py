"""What can go wrong with AMF0: our values, or their bytes."""


class ProtocolError(Exception):
    """Base of both; never raised itself."""


class LocalProtocolError(ProtocolError):
    """We asked for something AMF0 cannot say: a value without an encoding, or nested too deeply."""


class RemoteProtocolError(ProtocolError):
    """The peer's bytes are not AMF0, or are larger, deeper or more numerous than the limits allow.

    `reply` is the RTMP status code to refuse the peer with.
    """

    def __init__(self, message: str, reply: str = "NetConnection.Call.Failed") -> None:
        super().__init__(message)
        self.reply = reply
