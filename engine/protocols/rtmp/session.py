"""What a server knows about one peer's dialogue: a small, plain, serialisable record.

It is the part of a connection that `freeze` can take as it is.
"""

import msgspec

from engine.protocols.rtmp.limits import DEFAULT_WINDOW_BYTES
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
    """When both counts were last started anew."""
    window_bytes: int = DEFAULT_WINDOW_BYTES
    """The peer wants an acknowledgement after so many bytes."""
    peer_acked: int = 0
    """The last acknowledgement of the peer, modulo 2^32."""

    def step(self, input_: Input) -> None:
        """Change the state as the table says, or raise and change nothing."""
        self.state = step(self.state, input_)
