"""What a server knows about one peer's dialogue: a small, plain, serialisable record.

It is the part of a connection that `freeze` can take as it is.
"""

import msgspec

from engine.protocols.rtmp.errors import RemoteProtocolError
from engine.protocols.rtmp.limits import (
    DEFAULT_WINDOW_BYTES,
    MAX_COMMANDS_BEFORE_ACCEPT,
    MAX_COMMANDS_PER_S,
    MAX_MEDIA_PER_S,
    MAX_MESSAGES_PER_S,
)
from engine.protocols.rtmp.states import Input, State, step
from engine.protocols.rtmp.targets import Target


class Session(msgspec.Struct):
    """Mutable, owned by one `ServerConnection`."""

    state: State = State.HANDSHAKE
    app: str = ""
    app_query: str = ""
    target: Target = Target("", "", "", "")
    """What was last asked for by publish or play."""
    accepted: bool = False
    """A publish or play has been accepted at some time."""
    published: bool = False
    """A publish has been: the wide limits hold from then on, also for what is still on its way at the end."""
    commands: int = 0
    """Commands until one is accepted, in this second from then on."""
    messages: int = 0
    """Messages, other than a publisher's audio and video, in this second."""
    second_began_s: float = 0.0
    """When the counts per second were last started anew."""
    window_bytes: int = DEFAULT_WINDOW_BYTES
    """The peer wants an acknowledgement after so many bytes."""
    peer_acked: int = 0
    """The last acknowledgement of the peer, modulo 2^32."""
    media: int = 0
    """A publisher's audio and video messages in this second."""

    def tick(self, now: float) -> None:
        """Start the counts per second anew once a second is over; asked at every read."""
        if now - self.second_began_s >= 1.0:
            self.second_began_s = now
            self.messages = self.media = 0
            if self.accepted:
                self.commands = 0

    def count_message(self) -> None:
        """One more message that is not media. Raises RemoteProtocolError."""
        self.messages += 1
        if self.messages > MAX_MESSAGES_PER_S:
            raise RemoteProtocolError(f"more than {MAX_MESSAGES_PER_S} messages in a second")

    def count_command(self) -> None:
        """One more command. Raises RemoteProtocolError."""
        self.commands += 1
        limit = MAX_COMMANDS_PER_S if self.accepted else MAX_COMMANDS_BEFORE_ACCEPT
        if self.commands > limit:
            raise RemoteProtocolError(f"more than {limit} commands", "NetConnection.Connect.Rejected")

    def count_media(self) -> None:
        """One more piece of a publisher's media. Raises RemoteProtocolError."""
        self.media += 1
        if self.media > MAX_MEDIA_PER_S:
            raise RemoteProtocolError(f"more than {MAX_MEDIA_PER_S} media messages in a second")

    def step(self, input_: Input) -> None:
        """Change the state as the table says, or raise and change nothing."""
        self.state = step(self.state, input_)
