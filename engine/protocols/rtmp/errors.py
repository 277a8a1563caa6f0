"""What can go wrong with RTMP: our call, or their bytes."""

from engine.protocols.rtmp.events import Event


class ProtocolError(Exception):
    """Base of both; never raised itself."""


class LocalProtocolError(ProtocolError):
    """We called an action that the connection's state does not allow, or asked for an impossible message."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol or a limit; the connection is closed for good.

    `reply` is the status code to refuse the peer with. `ServerConnection` has already put that refusal into
    its output where the peer can understand one (after the handshake), so the shell sends `take_output()` and
    closes. `events` are those of the same `receive` call that were complete before the offence: they
    happened, however the bytes were cut.
    """

    def __init__(self, message: str, reply: str = "NetConnection.Call.Failed") -> None:
        super().__init__(message)
        self.reply = reply
        self.events: tuple[Event, ...] = ()
