"""The peer's part of the dialogue: every message it can send, and what the server does about it.

Each command is one small method, found in one table. The methods ask `Session.step` first, answer through the
`Outbox`, and append events. Two tables at the end of the file say which message and which command goes where.
"""

from collections.abc import Callable
from typing import Final

from engine.protocols.rtmp import commands, replies
from engine.protocols.rtmp.chunks import RawMessage
from engine.protocols.rtmp.events import (
    BufferLength,
    Connected,
    Event,
    Ignored,
    Media,
    Paused,
    PeerAcked,
    PlayRequested,
    PlayStopped,
    Pong,
    PublishRequested,
    Unpublished,
    Wanted,
)
from engine.protocols.rtmp.limits import MIN_WINDOW_BYTES
from engine.protocols.rtmp.messages import (
    Ack,
    Aggregate,
    Audio,
    Command,
    Data,
    Message,
    Type,
    UserControl,
    UserControlKind,
    Video,
    WindowAckSize,
    parse,
)
from engine.protocols.rtmp.outbox import Outbox
from engine.protocols.rtmp.scripts import unwrap
from engine.protocols.rtmp.session import Session
from engine.protocols.rtmp.states import Input, State


class Peer:
    """Reads one peer's messages on behalf of a `ServerConnection`."""

    def __init__(self, session: Session, outbox: Outbox) -> None:
        self._session = session
        self._outbox = outbox
        self._events: list[Event] = []

    def take(self, raw: RawMessage, events: list[Event]) -> None:
        """Act upon one message; events are appended to `events`. Raises RemoteProtocolError."""
        self._events = events
        self._session.count_message()
        self._act(parse(raw))

    def _act(self, message: Message) -> None:
        match message:
            case Audio():
                self._media(Media(Type.AUDIO, message.timestamp_ms, message.body))
            case Video():
                self._media(Media(Type.VIDEO, message.timestamp_ms, message.body))
            case Data():
                self._script(message)
            case Command():
                self._command(message)
            case Aggregate():
                for tag in message.tags:
                    self._act(tag)
            case UserControl():
                self._user_control(message)
            case Ack():
                self._session.peer_acked = message.sequence
                self._tell(PeerAcked(message.sequence))
            case WindowAckSize():
                self._session.window_bytes = max(message.size, MIN_WINDOW_BYTES)
            case _:  # Set Peer Bandwidth limits what we send, and TCP does that; the rest we do not read
                self._tell(Ignored(type(message).__name__))

    def _tell(self, event: Event) -> None:
        self._events.append(event)

    def _media(self, media: Media) -> None:
        self._session.step(Input.MEDIA)
        if self._session.state is State.PUBLISHING:
            self._session.count_media()
            self._tell(media)
        else:
            self._tell(Ignored("media without a stream"))

    def _script(self, message: Data) -> None:
        body = unwrap(message.body)
        if body is None:
            self._tell(Ignored("script message without a name"))
        else:
            self._media(Media(Type.DATA, message.timestamp_ms, body))

    def _user_control(self, message: UserControl) -> None:
        match message.kind:
            case UserControlKind.PING_REQUEST:
                self._outbox.control(UserControl(UserControlKind.PING_RESPONSE, message.value))
            case UserControlKind.PING_RESPONSE:
                self._tell(Pong(message.value))
            case UserControlKind.SET_BUFFER_LENGTH:
                self._tell(BufferLength(message.buffer_ms or 0))
            case _:
                self._tell(Ignored(f"user control {message.kind}"))

    def _command(self, command: Command) -> None:
        self._session.count_command()
        handler = _COMMANDS.get(command.name)
        if handler is not None:
            handler(self, command)
            return
        self._session.step(Input.CALL)
        if command.transaction:
            what = replies.failure(command.transaction, "NetConnection.Call.Failed", "No such method.")
            self._outbox.command(what)
        self._tell(Ignored("unknown command"))

    def _connect(self, command: Command) -> None:
        wishes = commands.read_connect(command)
        self._session.step(Input.CONNECT)
        self._session.app = wishes.app
        self._session.app_query = wishes.query
        self._outbox.greet()
        self._outbox.command(replies.connected(command.transaction, bool(wishes.fourccs)))
        self._tell(Connected(wishes.app, wishes.tc_url, wishes.query, wishes.flash_ver, wishes.fourccs))

    def _create_stream(self, command: Command) -> None:
        self._session.step(Input.CALL)
        self._outbox.command(replies.result(command.transaction, float(replies.STREAM_ID)))

    def _answer_null(self, command: Command) -> None:
        self._session.step(Input.CALL)
        if command.transaction:
            self._outbox.command(replies.result(command.transaction))

    def _stream_length(self, command: Command) -> None:
        self._session.step(Input.CALL)
        self._outbox.command(replies.result(command.transaction, 0.0))  # live has none

    def _fc_publish(self, command: Command) -> None:
        self._answer_null(command)
        self._outbox.command(replies.notice("onFCPublish", "NetStream.Publish.Start", "FCPublish"))

    def _fc_subscribe(self, command: Command) -> None:
        self._answer_null(command)
        self._outbox.command(replies.notice("onFCSubscribe", "NetStream.Play.Start", "FCSubscribe"))

    def _fc_unpublish(self, command: Command) -> None:
        self._answer_null(command)
        self._outbox.command(replies.notice("onFCUnpublish", "NetStream.Unpublish.Success", "FCUnpublish"))
        if self._session.state is State.PUBLISHING:
            self._end_stream(command)

    def _publish(self, command: Command) -> None:
        if commands.stops_publishing(command):
            self._end_stream(command)
            return
        session = self._session
        target, kind = commands.read_publish(command, session.app, session.app_query)
        session.step(Input.PUBLISH)
        session.target = target
        self._tell(PublishRequested(target.app, target.name, target.path, target.query, kind))

    def _play(self, command: Command) -> None:
        session = self._session
        play = commands.read_play(command, session.app, session.app_query)
        session.step(Input.PLAY)
        session.target = target = play.target
        self._tell(
            PlayRequested(
                app=target.app,
                name=target.name,
                path=target.path,
                query=target.query,
                start=play.start,
                duration=play.duration,
                reset=play.reset,
            )
        )

    def _end_stream(self, _command: Command) -> None:
        was = self._session.state
        self._session.step(Input.END_STREAM)
        if was is State.PUBLISHING:
            self._outbox.status("NetStream.Unpublish.Success", "Unpublished.")
            self._tell(Unpublished())
        elif was is State.PLAYING:
            self._tell(PlayStopped())

    def _pause(self, command: Command) -> None:
        self._session.step(Input.PLAY_CONTROL)
        paused, position_ms = commands.read_pause(command)
        code = "NetStream.Pause.Notify" if paused else "NetStream.Unpause.Notify"
        self._outbox.status(code, "", "status")
        self._tell(Paused(paused, position_ms))

    def _seek(self, _command: Command) -> None:
        self._session.step(Input.PLAY_CONTROL)
        self._outbox.status("NetStream.Seek.Failed", "A live stream has no other place.", "error")

    def _receive_audio(self, command: Command) -> None:
        self._session.step(Input.PLAY_CONTROL)
        self._tell(Wanted(Type.AUDIO, commands.is_true(command)))

    def _receive_video(self, command: Command) -> None:
        self._session.step(Input.PLAY_CONTROL)
        self._tell(Wanted(Type.VIDEO, commands.is_true(command)))


_COMMANDS: Final[dict[str, Callable[[Peer, Command], None]]] = {
    "connect": Peer._connect,
    "createStream": Peer._create_stream,
    "releaseStream": Peer._answer_null,
    "initStream": Peer._answer_null,
    "_checkbw": Peer._answer_null,
    "getStreamLength": Peer._stream_length,
    "FCPublish": Peer._fc_publish,
    "FCSubscribe": Peer._fc_subscribe,
    "FCUnpublish": Peer._fc_unpublish,
    "publish": Peer._publish,
    "play": Peer._play,
    "deleteStream": Peer._end_stream,
    "closeStream": Peer._end_stream,
    "pause": Peer._pause,
    "pauseRaw": Peer._pause,
    "seek": Peer._seek,
    "receiveAudio": Peer._receive_audio,
    "receiveVideo": Peer._receive_video,
}
