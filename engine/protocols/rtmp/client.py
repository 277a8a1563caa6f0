"""The client's end of an RTMP connection, without the socket: for tests, benchmarks and relays.

    client = ClientConnection(split_url("rtmp://host/live/name?token=x"))
    client.publish()                            # or client.play(); the dialogue then runs by itself
    socket.send(client.take_output())           # after every call and every receive
    events = client.receive(data, now)          # PublishStarted: send_media may be called

The dialogue is ffmpeg's: connect, releaseStream, FCPublish, createStream, publish; or connect, createStream,
getStreamLength, play, SetBufferLength.
"""

from collections.abc import Callable
from typing import Final

from engine.protocols import amf0
from engine.protocols.rtmp.chunk_writer import ChunkWriter
from engine.protocols.rtmp.chunks import ChunkReader, RawMessage
from engine.protocols.rtmp.errors import LocalProtocolError, RemoteProtocolError
from engine.protocols.rtmp.events import (
    Accepted,
    Event,
    Ignored,
    Media,
    PeerAcked,
    PlayStarted,
    Pong,
    PublishStarted,
    Status,
    StreamEnded,
)
from engine.protocols.rtmp.handshake import ClientHandshake
from engine.protocols.rtmp.limits import AFTER_PUBLISH, MIN_WINDOW_BYTES, OUT_CHUNK_BYTES
from engine.protocols.rtmp.messages import (
    Ack,
    Aggregate,
    Audio,
    Command,
    Control,
    Data,
    Message,
    SetChunkSize,
    SetPeerBandwidth,
    Type,
    UserControl,
    UserControlKind,
    Video,
    WindowAckSize,
    encode,
    parse,
)
from engine.protocols.rtmp.play_frames import CSID_OF_KIND
from engine.protocols.rtmp.replies import SAMPLE_ACCESS
from engine.protocols.rtmp.scripts import unwrap, wrap
from engine.protocols.rtmp.states import ClientInput, ClientState, client_step
from engine.protocols.rtmp.urls import Url

_CONTROL_CSID: Final = 2
_COMMAND_CSID: Final = 3
_BUFFER_MS: Final = 3000
_NO_WINDOW_BYTES: Final = 1 << 62


class ClientConnection:
    """One connection to a server, for one stream."""

    def __init__(
        self,
        url: Url,
        *,
        seed: bytes = b"",
        flash_ver: str = "FMLE/3.0 (compatible; Fanlight)",
        fourccs: tuple[str, ...] = (),
        chunk_size: int = OUT_CHUNK_BYTES,
    ) -> None:
        self.state = ClientState.HANDSHAKE
        self.bytes_in = 0
        self._url = url
        self._flash_ver = flash_ver
        self._fourccs = fourccs
        self._chunk_size = chunk_size
        self._intent = ""
        self._stream_id = 0
        self._transaction = 0
        self._calls: dict[float, str] = {}  # transaction -> what was asked
        self._handshake = ClientHandshake(seed)
        self._output = bytearray(self._handshake.start())
        self._reader = ChunkReader(AFTER_PUBLISH)
        self._writer = ChunkWriter()
        self._window = _NO_WINDOW_BYTES
        self._acked = 0
        self._events: list[Event] = []

    def publish(self) -> None:
        """Publish the URL's stream as soon as the dialogue allows; PublishStarted or Status follows."""
        self._want("publish")

    def play(self) -> None:
        """Play the URL's stream as soon as the dialogue allows; PlayStarted or Status follows."""
        self._want("play")

    def send_media(self, kind: int, timestamp_ms: int, body: bytes) -> None:
        """One tag. `kind` is 8, 9 or 18; a script body begins with its name and gets @setDataFrame."""
        self._step(ClientInput.SEND_MEDIA)
        payload = wrap(body) if kind == Type.DATA else body
        self._write(CSID_OF_KIND[kind], kind, timestamp_ms, self._stream_id, payload)

    def end(self) -> None:
        """Stop publishing or playing, politely."""
        publishing = self.state is ClientState.PUBLISHING
        self._step(ClientInput.END)
        if publishing:
            self._call("FCUnpublish", None, self._url.name)
        self._call("deleteStream", None, float(self._stream_id))

    def pause(self, paused: bool, position_ms: int = 0) -> None:
        """Ask for a pause, or its end; a Status answers."""
        self._command(Command("pause", 0.0, (None, paused, float(position_ms))), self._stream_id)

    def ping(self, timestamp_ms: int) -> None:
        """Ask for a sign of life; `Pong` brings the timestamp back."""
        self._control(UserControl(UserControlKind.PING_REQUEST, timestamp_ms & 0xFFFFFFFF))

    def take_output(self) -> bytes:
        """What to send now; empty when there is nothing."""
        output = bytes(self._output)
        self._output.clear()
        return output

    def receive(self, data: bytes | memoryview, now: float) -> list[Event]:
        """Take the server's bytes, give what happened. Raises RemoteProtocolError, with `events`."""
        events: list[Event] = []
        if self.state is ClientState.CLOSED:
            return events
        self._events = events
        self.bytes_in += len(data)
        try:
            self._route(data, now)
        except RemoteProtocolError as error:
            error.events = tuple(events)
            self._step(ClientInput.CLOSE)
            raise
        if self.bytes_in - self._acked >= self._window:
            self._acked = self.bytes_in
            self._control(Ack(self.bytes_in & 0xFFFFFFFF))
        return events

    def _want(self, intent: str) -> None:
        if self._intent:
            raise LocalProtocolError(f"already asked to {self._intent}")
        self._intent = intent
        if self.state is ClientState.CONNECTED:
            self._create_stream()

    def _step(self, input_: ClientInput) -> None:
        self.state = client_step(self.state, input_)

    def _route(self, data: bytes | memoryview, now: float) -> None:
        if self.state is ClientState.HANDSHAKE:
            self._output += self._handshake.receive(data)
            if not self._handshake.done:
                return
            self._step(ClientInput.HANDSHAKE_DONE)
            self._connect()
            data = bytes(self._handshake.buffered)
        self._reader.receive(data, now)
        try:
            while (raw := self._reader.next_message()) is not None:
                self._take(raw)
        finally:
            self._reader.settle()

    def _take(self, raw: RawMessage) -> None:
        self._act(parse(raw))

    def _act(self, message: Message) -> None:
        match message:
            case Audio():
                self._events.append(Media(Type.AUDIO, message.timestamp_ms, message.body))
            case Video():
                self._events.append(Media(Type.VIDEO, message.timestamp_ms, message.body))
            case Data():
                self._script(message)
            case Aggregate():
                for tag in message.tags:
                    self._act(tag)
            case Command():
                _COMMANDS.get(message.name, ClientConnection._ignore)(self, message)
            case UserControl():
                self._user_control(message)
            case WindowAckSize():
                self._window = max(message.size, MIN_WINDOW_BYTES)
            case SetPeerBandwidth():
                self._control(WindowAckSize(message.size))
            case Ack():
                self._events.append(PeerAcked(message.sequence))
            case _:
                self._events.append(Ignored(type(message).__name__))

    def _script(self, message: Data) -> None:
        body = unwrap(message.body)
        if body is None or body == SAMPLE_ACCESS:
            self._events.append(Ignored("script message that is not media"))
        else:
            self._events.append(Media(Type.DATA, message.timestamp_ms, body))

    def _user_control(self, message: UserControl) -> None:
        match message.kind:
            case UserControlKind.PING_REQUEST:
                self._control(UserControl(UserControlKind.PING_RESPONSE, message.value))
            case UserControlKind.PING_RESPONSE:
                self._events.append(Pong(message.value))
            case UserControlKind.STREAM_EOF:
                self._step(ClientInput.STREAM_OVER)
                self._events.append(StreamEnded())
            case _:
                self._events.append(Ignored(f"user control {message.kind}"))

    def _connect(self) -> None:
        url = self._url
        properties: dict[str, amf0.Value] = {
            "app": url.app,
            "type": "nonprivate",
            "flashVer": self._flash_ver,
            "tcUrl": url.tc_url,
        }
        if self._fourccs:
            properties["fourCcList"] = list(self._fourccs)
        self._control(SetChunkSize(self._chunk_size))
        self._writer.chunk_size = self._chunk_size
        self._call("connect", properties)

    def _create_stream(self) -> None:
        self._step(ClientInput.CREATE)
        if self._intent == "publish":
            self._call("releaseStream", None, self._url.name)
            self._call("FCPublish", None, self._url.name)
        self._call("createStream", None)

    def _ask(self) -> None:
        name = self._url.name
        if self._intent == "publish":
            self._command(Command("publish", self._next(), (None, name, "live")), self._stream_id)
            return
        self._call("getStreamLength", None, name)
        self._command(Command("play", self._next(), (None, name, -2000.0)), self._stream_id)
        self._control(UserControl(UserControlKind.SET_BUFFER_LENGTH, self._stream_id, _BUFFER_MS))

    def _next(self) -> float:
        self._transaction += 1
        return float(self._transaction)

    def _call(self, name: str, *arguments: amf0.Value) -> None:
        transaction = self._next()
        self._calls[transaction] = name
        self._command(Command(name, transaction, arguments))

    def _on_result(self, command: Command) -> None:
        asked = self._calls.pop(command.transaction, "")
        answer = command.arguments[1] if len(command.arguments) > 1 else None
        if asked == "connect":
            self._step(ClientInput.CONNECT_ACCEPTED)
            self._events.append(_accepted(answer))
            if self._intent:
                self._create_stream()
        elif asked == "createStream":
            self._step(ClientInput.STREAM_CREATED)
            self._stream_id = _stream_id(answer)
            self._ask()

    def _on_error(self, command: Command) -> None:
        asked = self._calls.pop(command.transaction, "")
        self._events.append(_status(command))
        if asked in ("connect", "createStream"):
            self._step(ClientInput.FAILED)

    def _on_status(self, command: Command) -> None:
        status = _status(command)
        self._events.append(status)
        if status.level == "error":
            self._step(ClientInput.FAILED)
        elif status.code == "NetStream.Publish.Start":
            self._step(ClientInput.PUBLISH_STARTED)
            self._events.append(PublishStarted())
        elif status.code == "NetStream.Play.Start":
            self._step(ClientInput.PLAY_STARTED)
            self._events.append(PlayStarted())

    def _ignore(self, _command: Command) -> None:
        self._events.append(Ignored("unknown command"))

    def _command(self, command: Command, stream_id: int = 0) -> None:
        type_id, body = encode(command)
        self._write(_COMMAND_CSID, type_id, 0, stream_id, body)

    def _control(self, message: Control) -> None:
        type_id, body = encode(message)
        self._write(_CONTROL_CSID, type_id, 0, 0, body)

    def _write(self, csid: int, type_id: int, timestamp_ms: int, stream_id: int, body: bytes) -> None:
        self._output += self._writer.write(csid, type_id, timestamp_ms, stream_id, body)


_COMMANDS: Final[dict[str, Callable[[ClientConnection, Command], None]]] = {
    "_result": ClientConnection._on_result,
    "_error": ClientConnection._on_error,
    "onStatus": ClientConnection._on_status,
}


def _text_of(value: amf0.Value, key: str) -> str:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _accepted(information: amf0.Value) -> Accepted:
    listed = information.get("fourCcList") if isinstance(information, dict) else None
    fourccs = tuple(str(code) for code in listed) if isinstance(listed, list) else ()
    return Accepted(_text_of(information, "code"), fourccs)


def _stream_id(answer: amf0.Value) -> int:
    if isinstance(answer, float) and 0 <= answer <= 0xFFFFFFFF:
        return int(answer)
    raise RemoteProtocolError("createStream was answered without a stream id")


def _status(command: Command) -> Status:
    information = command.arguments[1] if len(command.arguments) > 1 else None
    return Status(
        _text_of(information, "level"), _text_of(information, "code"), _text_of(information, "description")
    )
