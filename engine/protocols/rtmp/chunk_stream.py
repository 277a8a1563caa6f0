"""One chunk stream of a reader: its last header and its message so far (RTMP 1.0 section 5.3.1)."""

import msgspec


class FrozenChunkStream(msgspec.Struct, frozen=True):
    """One chunk stream as it travels to another process."""

    csid: int
    timestamp: int
    field: int
    extended: bool
    size: int
    type_id: int
    stream_id: int
    received: int
    payload: bytes


class ChunkStream:
    """What the headers of one chunk stream said last, and its message so far."""

    __slots__ = (
        "carried",
        "csid",
        "extended",
        "field",
        "parts",
        "received",
        "size",
        "stream_id",
        "timestamp",
        "type_id",
    )

    def __init__(self, csid: int) -> None:
        self.csid = csid
        self.timestamp = 0
        self.field = 0  # timestamp or delta as last written
        self.extended = False  # the field stood in four bytes of its own, and stands so in type 3 headers
        self.size = 0
        self.type_id = 0
        self.stream_id = 0
        self.received = 0
        self.carried = bytearray()  # payload of earlier reads
        self.parts: list[memoryview] = []  # payload of this read, not copied yet

    def take_body(self) -> bytes:
        """The whole payload, and a clean slate."""
        body = b"".join((self.carried, *self.parts)) if self.carried else b"".join(self.parts)
        self.drop()
        return body

    def drop(self) -> None:
        """Forget the message that was not finished."""
        self.received = 0
        self.parts.clear()
        if self.carried:
            self.carried = bytearray()

    def settle(self) -> None:
        """Copy the views into memory of our own."""
        for part in self.parts:
            self.carried += part
        self.parts.clear()

    def freeze(self) -> FrozenChunkStream:
        """Settled, on the way to another process."""
        return FrozenChunkStream(
            csid=self.csid,
            timestamp=self.timestamp,
            field=self.field,
            extended=self.extended,
            size=self.size,
            type_id=self.type_id,
            stream_id=self.stream_id,
            received=self.received,
            payload=bytes(self.carried),
        )

    @classmethod
    def thaw(cls, frozen: FrozenChunkStream) -> "ChunkStream":
        """Arrived there."""
        stream = cls(frozen.csid)
        stream.timestamp = frozen.timestamp
        stream.field = frozen.field
        stream.extended = frozen.extended
        stream.size = frozen.size
        stream.type_id = frozen.type_id
        stream.stream_id = frozen.stream_id
        stream.received = frozen.received
        stream.carried = bytearray(frozen.payload)
        return stream
