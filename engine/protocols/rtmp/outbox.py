"""What the server has said and nobody has sent yet."""

from typing import Final

from engine.protocols.rtmp import replies
from engine.protocols.rtmp.limits import DEFAULT_CHUNK_BYTES, OUT_CHUNK_BYTES
from engine.protocols.rtmp.messages import Command, Control, Type, encode
from engine.protocols.rtmp.play_frames import DATA_CSID, encode_message

CONTROL_CSID: Final = 2  # RTMP 1.0 section 5.4: control messages go on chunk stream 2, message stream 0
COMMAND_CSID: Final = 3


class Outbox:
    """Collects bytes. Messages have full headers, so their order against media does not matter."""

    def __init__(self, pending: bytes = b"", greeted: bool = False) -> None:
        self._pending = bytearray(pending)
        self._chunk_size = OUT_CHUNK_BYTES if greeted else DEFAULT_CHUNK_BYTES

    def take(self) -> bytes:
        """All of it, once."""
        pending = bytes(self._pending)
        self._pending.clear()
        return pending

    def peek(self) -> bytes:
        """All of it, to be kept."""
        return bytes(self._pending)

    def raw(self, data: bytes) -> None:
        """Bytes below the chunk layer: the handshake."""
        self._pending += data

    def greet(self) -> None:
        """Windows and our chunk size, which holds from here on."""
        for message in replies.GREETING:
            self.control(message)
        self._chunk_size = OUT_CHUNK_BYTES

    def control(self, message: Control) -> None:
        """A control message."""
        type_id, body = encode(message)
        self._write(CONTROL_CSID, type_id, 0, body)

    def command(self, message: Command, stream_id: int = 0) -> None:
        """A command, on the connection or on its stream."""
        type_id, body = encode(message)
        self._write(COMMAND_CSID, type_id, stream_id, body)

    def status(self, code: str, description: str, level: str = "") -> None:
        """What happened to the stream; the level follows from the code unless given."""
        message = replies.on_status(code, description, level or replies.level_of(code))
        self.command(message, replies.STREAM_ID)

    def script(self, body: bytes) -> None:
        """A script message on the stream."""
        self._write(DATA_CSID, Type.DATA, replies.STREAM_ID, body)

    def _write(self, csid: int, type_id: int, stream_id: int, body: bytes) -> None:
        self._pending += encode_message(type_id, 0, body, self._chunk_size, csid, stream_id)
