"""The server's end of an RTMP connection, without the socket.

    connection = ServerConnection(seed=os.urandom(8))
    events = connection.receive(data, now)      # raises RemoteProtocolError: send take_output(), then close
    ... connection.accept_publish() ...         # decisions, when an event asks for one
    socket.send(connection.take_output())       # after every receive and every decision

After PublishRequested or PlayRequested parsing stands still, because what follows may be for another process.
Decide, then call `receive(b"", now)` once (or freeze, thaw elsewhere, decide there) to have what the peer had
already sent behind its request. Media to players does not pass through here: see `play_frames`.

Which input is allowed when stands in `states`, what the peer's messages do in `peer`, how we word our answers
in `replies`; this file has the bytes, the counters and our own decisions.
"""

import msgspec

from engine.protocols.rtmp import replies
from engine.protocols.rtmp.chunks import ChunkReader
from engine.protocols.rtmp.errors import RemoteProtocolError
from engine.protocols.rtmp.events import Event, Media
from engine.protocols.rtmp.frozen import FrozenConnection
from engine.protocols.rtmp.handshake import ServerHandshake
from engine.protocols.rtmp.limits import AFTER_PUBLISH, BEFORE_PUBLISH, MAX_UNREAD_BYTES, ReaderLimits
from engine.protocols.rtmp.messages import Ack, Type, UserControl, UserControlKind
from engine.protocols.rtmp.outbox import Outbox
from engine.protocols.rtmp.peer import Peer
from engine.protocols.rtmp.session import Session
from engine.protocols.rtmp.states import Input, State
from engine.protocols.rtmp.targets import Target

_ASKED = (State.PUBLISH_ASKED, State.PLAY_ASKED)
_U32 = 0xFFFFFFFF


class ServerConnection:
    """One peer, from its first byte to its last.

    `receive` raises RemoteProtocolError; actions that the state does not allow raise LocalProtocolError and
    change nothing; anything else that escapes is a bug.
    """

    def __init__(self, *, seed: bytes = b"", as_publisher: ReaderLimits = AFTER_PUBLISH) -> None:
        """`seed`: some random bytes for the handshake's noise; equal seeds give equal bytes.

        `as_publisher`: the limits that hold once the peer may publish.
        """
        self.bytes_in = 0
        self.bytes_out = 0
        self._session = Session()
        self._outbox = Outbox()
        self._handshake = ServerHandshake(seed)
        self._as_publisher = as_publisher
        self._reader = ChunkReader(BEFORE_PUBLISH)
        self._peer = Peer(self._session, self._outbox)
        self._held = bytearray()  # what came while a decision was pending
        self._acked = 0

    @property
    def state(self) -> State:
        """Where the connection stands (`states`)."""
        return self._session.state

    @property
    def app(self) -> str:
        """The app of `connect`, without query."""
        return self._session.app

    @property
    def target(self) -> Target:
        """What was last asked for by publish or play: app, name, path, query."""
        return self._session.target

    @property
    def peer_acked(self) -> int:
        """The last acknowledgement of the peer, modulo 2^32."""
        return self._session.peer_acked

    def receive(self, data: bytes | memoryview, now: float) -> list[Event]:
        """Take the peer's bytes, give what happened. `now` is a monotonic clock in seconds.

        The bytes may be a view of a buffer that is used again afterwards. A closed connection ignores them.
        Raises RemoteProtocolError, whose `events` are what happened before the offence.
        """
        events: list[Event] = []
        if self._session.state is State.CLOSED:
            return events
        self.bytes_in += len(data)
        try:
            self._route(data, now, events)
        except RemoteProtocolError as error:
            error.events = tuple(events)
            self._give_up(error)
            raise
        self._acknowledge()
        return events

    def take_output(self) -> bytes:
        """What to send now, empty when there is nothing. Counted in `bytes_out`, which media is not."""
        output = self._outbox.take()
        self.bytes_out += len(output)
        return output

    def accept_publish(self) -> None:
        """The peer may publish, and the limits widen to a publisher's. Then `receive(b"", now)`."""
        self._session.step(Input.ACCEPT_PUBLISH)
        self._session.published = True
        self._reader.limits = self._as_publisher
        self._begin_stream()
        self._outbox.status("NetStream.Publish.Start", f"{self.target.path} is now published.")

    def refuse_publish(self, code: str = "NetStream.Publish.BadName", description: str = "") -> None:
        """The peer may not publish; it may ask again, or the caller closes."""
        self._session.step(Input.REFUSE_PUBLISH)
        self._outbox.status(code, description, "error")

    def accept_play(self) -> None:
        """The peer gets the stream: send the output, then media. Then `receive(b"", now)`."""
        self._session.step(Input.ACCEPT_PLAY)
        self._begin_stream()
        path = self.target.path
        self._outbox.status("NetStream.Play.Reset", f"Playing and resetting {path}.", "status")
        self._outbox.status("NetStream.Play.Start", f"Started playing {path}.")
        self._outbox.script(replies.SAMPLE_ACCESS)

    def refuse_play(self, code: str = "NetStream.Play.StreamNotFound", description: str = "") -> None:
        """The peer does not get the stream; it may ask again, or the caller closes."""
        self._session.step(Input.REFUSE_PLAY)
        self._outbox.status(code, description, "error")

    def end_publish(self, code: str = "NetStream.Unpublish.Success", description: str = "") -> None:
        """Tell the publisher that we ended its stream."""
        self._session.step(Input.END_PUBLISH)
        self._outbox.status(code, description)

    def take_over(self) -> None:
        """Tell the publisher that another one has its name now."""
        path = self.target.path
        self.end_publish("NetStream.Publish.BadName", f"{path} was taken over by another publisher.")

    def end_play(self, code: str = "NetStream.Play.UnpublishNotify", description: str = "") -> None:
        """Tell the player that the stream is over: status, then StreamEOF."""
        self._session.step(Input.END_PLAY)
        self._outbox.status(code, description)
        self._outbox.control(UserControl(UserControlKind.STREAM_EOF, replies.STREAM_ID))

    def close(self, code: str = "", description: str = "") -> None:
        """We close, in any state; with a code the peer is told why, once it understands commands."""
        deaf = self.state in (State.HANDSHAKE, State.CLOSED)
        self._session.step(Input.CLOSE)
        if code and not deaf:
            self._outbox.status(code, description)

    def ping(self, timestamp_ms: int) -> None:
        """Ask for a sign of life; `Pong` brings the timestamp back. Silent before the handshake is done."""
        if self.state is not State.HANDSHAKE:
            self._outbox.control(UserControl(UserControlKind.PING_REQUEST, timestamp_ms & _U32))

    def freeze(self) -> FrozenConnection:
        """The whole state between two calls, to go on elsewhere; this object is done with."""
        return FrozenConnection(
            session=msgspec.structs.replace(self._session),
            handshake=bytes(self._handshake.buffered),
            handshake_answered=self._handshake.answered,
            reader=self._reader.freeze(),
            held=bytes(self._held),
            output=self._outbox.peek(),
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            acked=self._acked,
        )

    @classmethod
    def thaw(
        cls,
        frozen: FrozenConnection,
        now: float,
        *,
        seed: bytes = b"",
        as_publisher: ReaderLimits = AFTER_PUBLISH,
    ) -> "ServerConnection":
        """Go on where `freeze` left off. Rates per second are counted from `now`."""
        connection = cls(as_publisher=as_publisher)
        session = msgspec.structs.replace(frozen.session, second_began_s=now)
        limits = as_publisher if session.published else BEFORE_PUBLISH
        greeted = session.state not in (State.HANDSHAKE, State.UNCONNECTED)
        connection.bytes_in = frozen.bytes_in
        connection.bytes_out = frozen.bytes_out
        connection._session = session
        connection._outbox = Outbox(frozen.output, greeted)
        connection._handshake = ServerHandshake(seed, frozen.handshake, frozen.handshake_answered)
        connection._reader = ChunkReader.thaw(frozen.reader, limits, now)
        connection._peer = Peer(session, connection._outbox)
        connection._held = bytearray(frozen.held)
        connection._acked = frozen.acked
        return connection

    def _route(self, data: bytes | memoryview, now: float, events: list[Event]) -> None:
        """To the handshake, to the waiting room, or to the chunk reader."""
        if self.state is State.HANDSHAKE:
            self._outbox.raw(self._handshake.receive(data))
            if not self._handshake.done:
                return
            self._session.step(Input.HANDSHAKE_DONE)
            data = bytes(self._handshake.buffered)
            self._handshake.buffered.clear()
        if self.state in _ASKED:
            self._hold(data)
            return
        if self._held:
            data = b"".join((self._held, data))
            self._held.clear()
        self._read(data, now, events)

    def _read(self, data: bytes | memoryview, now: float, events: list[Event]) -> None:
        self._session.tick(now)
        self._reader.receive(data, now)
        try:
            self._drain(events)
        finally:
            self._reader.settle()
        if self.state in _ASKED:
            self._hold(b"")

    def _drain(self, events: list[Event]) -> None:
        """Read messages until the bytes are used up or the peer has asked for a decision."""
        session = self._session
        next_message = self._reader.next_message
        while (raw := next_message()) is not None:
            kind = raw.type_id
            if (kind == Type.VIDEO or kind == Type.AUDIO) and session.state is State.PUBLISHING:
                session.count_media()
                events.append(Media(kind, raw.timestamp_ms, raw.body))
                continue
            self._peer.take(raw, events)
            if session.state in _ASKED:
                return

    def _hold(self, data: bytes | memoryview) -> None:
        self._held += data
        if len(self._held) + self._reader.unread_bytes > MAX_UNREAD_BYTES:
            raise RemoteProtocolError(f"over {MAX_UNREAD_BYTES} bytes before an answer")

    def _begin_stream(self) -> None:
        self._session.accepted = True
        self._session.commands = 0
        self._outbox.control(UserControl(UserControlKind.STREAM_BEGIN, replies.STREAM_ID))

    def _acknowledge(self) -> None:
        """RTMP 1.0 section 5.4.3. At the end of a read, not of a message: a message may exceed the window."""
        if self.bytes_in - self._acked < self._session.window_bytes or self.state is State.HANDSHAKE:
            return
        self._acked = self.bytes_in
        self._outbox.control(Ack(self.bytes_in & _U32))

    def _give_up(self, error: RemoteProtocolError) -> None:
        """Close, and say why if the peer has got as far as understanding it."""
        if self.state is State.UNCONNECTED:
            self._outbox.command(replies.failure(1.0, "NetConnection.Connect.Rejected", str(error)))
            self.close()
        else:
            self.close(error.reply, str(error))
