"""What can go wrong with SRT: our call, or their datagram."""


class ProtocolError(Exception):
    """Base of both; never raised itself."""


class LocalProtocolError(ProtocolError):
    """We asked for a packet that cannot be written, or for an action that the state does not allow."""


class RemoteProtocolError(ProtocolError):
    """The peer's datagram breaks the protocol or a limit. The datagram is dropped and counted.

    It does not end a connection by itself: anybody can send a datagram with a forged source address, so one
    bad datagram proves nothing about the peer. `reply` is the rejection code (`rejections.Rejection`, or an
    application's own) to answer a handshake with; None: say nothing.
    """

    def __init__(self, message: str, reply: int | None = None) -> None:
        super().__init__(message)
        self.reply = reply
