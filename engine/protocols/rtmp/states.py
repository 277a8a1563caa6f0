"""The states of both ends, each as one table.

Rule 1. Everything that decides whether an input is allowed now stands in this file; the connections ask
`step` before they act, and an input that is not in the table changes nothing.

Rule 2. Inputs, not messages: `createStream`, `releaseStream`, `getStreamLength` and the like are one input
(CALL), since none of them changes what the connection is.

Rule 3. A connection carries one stream. `createStream` answers 1 each time, as nginx-rtmp and SRS do: a
stream's RTMP bytes are the same for every player, so there is no place for numbers of their own.

Rule 4. PUBLISH_ASKED and PLAY_ASKED take no input from the peer. The connection stops parsing there until its
caller has decided, because what follows may have to be parsed by another process, under other limits.

Rule 5. A refused or ended stream leaves the connection CONNECTED: the peer may ask again. Media is ignored
then, since a publisher that was just refused or taken over still has some on the way.

Rule 6. What a peer may not do raises RemoteProtocolError; what we may not do, LocalProtocolError. CLOSED
takes nothing but CLOSE.
"""

from enum import Enum, auto
from typing import Final, TypeVar

from engine.protocols.rtmp.errors import LocalProtocolError, RemoteProtocolError


class State(Enum):
    """Where a server's connection stands. The values are what a frozen connection is written with."""

    HANDSHAKE = "handshake"
    UNCONNECTED = "unconnected"
    CONNECTED = "connected"
    PUBLISH_ASKED = "publish_asked"
    PUBLISHING = "publishing"
    PLAY_ASKED = "play_asked"
    PLAYING = "playing"
    CLOSED = "closed"


class Input(Enum):
    """What can happen to a server's connection; the peer's part first, ours below."""

    HANDSHAKE_DONE = auto()
    CONNECT = auto()
    CALL = auto()
    PUBLISH = auto()
    PLAY = auto()
    PLAY_CONTROL = auto()
    END_STREAM = auto()
    MEDIA = auto()

    ACCEPT_PUBLISH = auto()
    REFUSE_PUBLISH = auto()
    END_PUBLISH = auto()
    ACCEPT_PLAY = auto()
    REFUSE_PLAY = auto()
    END_PLAY = auto()
    CLOSE = auto()


LOCAL_INPUTS: Final = frozenset(
    {
        Input.ACCEPT_PUBLISH,
        Input.REFUSE_PUBLISH,
        Input.END_PUBLISH,
        Input.ACCEPT_PLAY,
        Input.REFUSE_PLAY,
        Input.END_PLAY,
        Input.CLOSE,
    }
)

SERVER: Final[dict[State, dict[Input, State]]] = {
    State.HANDSHAKE: {
        Input.HANDSHAKE_DONE: State.UNCONNECTED,
        Input.CLOSE: State.CLOSED,
    },
    State.UNCONNECTED: {
        Input.CONNECT: State.CONNECTED,
        Input.CLOSE: State.CLOSED,
    },
    State.CONNECTED: {
        Input.CALL: State.CONNECTED,
        Input.PUBLISH: State.PUBLISH_ASKED,
        Input.PLAY: State.PLAY_ASKED,
        Input.PLAY_CONTROL: State.CONNECTED,
        Input.END_STREAM: State.CONNECTED,
        Input.MEDIA: State.CONNECTED,
        Input.CLOSE: State.CLOSED,
    },
    State.PUBLISH_ASKED: {
        Input.ACCEPT_PUBLISH: State.PUBLISHING,
        Input.REFUSE_PUBLISH: State.CONNECTED,
        Input.CLOSE: State.CLOSED,
    },
    State.PUBLISHING: {
        Input.CALL: State.PUBLISHING,
        Input.MEDIA: State.PUBLISHING,
        Input.PLAY_CONTROL: State.PUBLISHING,
        Input.END_STREAM: State.CONNECTED,
        Input.END_PUBLISH: State.CONNECTED,
        Input.CLOSE: State.CLOSED,
    },
    State.PLAY_ASKED: {
        Input.ACCEPT_PLAY: State.PLAYING,
        Input.REFUSE_PLAY: State.CONNECTED,
        Input.CLOSE: State.CLOSED,
    },
    State.PLAYING: {
        Input.CALL: State.PLAYING,
        Input.MEDIA: State.PLAYING,
        Input.PLAY_CONTROL: State.PLAYING,
        Input.END_STREAM: State.CONNECTED,
        Input.END_PLAY: State.CONNECTED,
        Input.CLOSE: State.CLOSED,
    },
    State.CLOSED: {
        Input.CLOSE: State.CLOSED,
    },
}


class ClientState(Enum):
    """Where a client's connection stands."""

    HANDSHAKE = auto()
    CONNECTING = auto()
    CONNECTED = auto()
    CREATING = auto()
    ASKING = auto()
    PUBLISHING = auto()
    PLAYING = auto()
    CLOSED = auto()


class ClientInput(Enum):
    """What can happen to a client's connection; the server's part first, ours below."""

    HANDSHAKE_DONE = auto()
    CONNECT_ACCEPTED = auto()
    STREAM_CREATED = auto()
    PUBLISH_STARTED = auto()
    PLAY_STARTED = auto()
    FAILED = auto()
    STREAM_OVER = auto()

    CREATE = auto()
    SEND_MEDIA = auto()
    END = auto()
    CLOSE = auto()


CLIENT_LOCAL_INPUTS: Final = frozenset(
    {ClientInput.CREATE, ClientInput.SEND_MEDIA, ClientInput.END, ClientInput.CLOSE}
)

CLIENT: Final[dict[ClientState, dict[ClientInput, ClientState]]] = {
    ClientState.HANDSHAKE: {
        ClientInput.HANDSHAKE_DONE: ClientState.CONNECTING,
        ClientInput.CLOSE: ClientState.CLOSED,
    },
    ClientState.CONNECTING: {
        ClientInput.CONNECT_ACCEPTED: ClientState.CONNECTED,
        ClientInput.FAILED: ClientState.CLOSED,
        ClientInput.CLOSE: ClientState.CLOSED,
    },
    ClientState.CONNECTED: {
        ClientInput.CREATE: ClientState.CREATING,
        ClientInput.FAILED: ClientState.CONNECTED,
        ClientInput.STREAM_OVER: ClientState.CONNECTED,
        ClientInput.CLOSE: ClientState.CLOSED,
    },
    ClientState.CREATING: {
        ClientInput.STREAM_CREATED: ClientState.ASKING,
        ClientInput.FAILED: ClientState.CONNECTED,
        ClientInput.STREAM_OVER: ClientState.CREATING,
        ClientInput.CLOSE: ClientState.CLOSED,
    },
    ClientState.ASKING: {
        ClientInput.PUBLISH_STARTED: ClientState.PUBLISHING,
        ClientInput.PLAY_STARTED: ClientState.PLAYING,
        ClientInput.FAILED: ClientState.CONNECTED,
        ClientInput.STREAM_OVER: ClientState.ASKING,
        ClientInput.CLOSE: ClientState.CLOSED,
    },
    ClientState.PUBLISHING: {
        ClientInput.SEND_MEDIA: ClientState.PUBLISHING,
        ClientInput.PUBLISH_STARTED: ClientState.PUBLISHING,
        ClientInput.FAILED: ClientState.CONNECTED,
        ClientInput.STREAM_OVER: ClientState.CONNECTED,
        ClientInput.END: ClientState.CONNECTED,
        ClientInput.CLOSE: ClientState.CLOSED,
    },
    ClientState.PLAYING: {
        ClientInput.PLAY_STARTED: ClientState.PLAYING,
        ClientInput.FAILED: ClientState.CONNECTED,
        ClientInput.STREAM_OVER: ClientState.CONNECTED,
        ClientInput.END: ClientState.CONNECTED,
        ClientInput.CLOSE: ClientState.CLOSED,
    },
    ClientState.CLOSED: {
        ClientInput.CLOSE: ClientState.CLOSED,
    },
}

S = TypeVar("S", State, ClientState)
I = TypeVar("I", Input, ClientInput)  # noqa: E741 - the pair (S, I) reads as in any text on state machines


def step(state: State, input_: Input) -> State:
    """The server's next state. Raises, by whose fault it is, for what the table does not allow."""
    return _look_up(SERVER, state, input_, input_ in LOCAL_INPUTS)


def client_step(state: ClientState, input_: ClientInput) -> ClientState:
    """The client's next state. Raises, by whose fault it is, for what the table does not allow."""
    return _look_up(CLIENT, state, input_, input_ in CLIENT_LOCAL_INPUTS)


def _look_up(table: dict[S, dict[I, S]], state: S, input_: I, ours: bool) -> S:
    following = table[state].get(input_)
    if following is not None:
        return following
    what = f"{input_.name.lower()} is not possible in state {state.name.lower()}"
    raise LocalProtocolError(what) if ours else RemoteProtocolError(what)
