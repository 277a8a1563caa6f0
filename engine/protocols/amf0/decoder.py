"""Reading AMF0 without recursion.

A container is made empty, put where it belongs, and pushed on a stack of open containers; the loop then feeds
whichever is on top until the stack is empty. Depth is the height of that stack, so a hostile body of nested
arrays meets our limit and not the interpreter's, and a naive recursive reader's RecursionError cannot happen.

Announced counts are only ever compared with the bytes that are really there (one element takes at least one
byte), never used to allocate.
"""

from collections.abc import Callable
from struct import Struct
from typing import Final

from engine.protocols.amf0.errors import RemoteProtocolError
from engine.protocols.amf0.limits import MAX_DEPTH, MAX_NODES, MAX_STRING_BYTES
from engine.protocols.amf0.values import UNDEFINED, Date, EcmaArray, Marker, TypedObject, Value

_DOUBLE: Final = Struct(">d")
_DATE: Final = Struct(">dh")


def decode(data: bytes, offset: int = 0) -> tuple[Value, int]:
    """The value that begins at `offset`, and the offset behind it.

    Raises RemoteProtocolError, and nothing else.
    """
    decoder = _Decoder(data, offset)
    value = decoder.value()
    return value, decoder.position


def decode_all(data: bytes, offset: int = 0) -> list[Value]:
    """All values from `offset` to the end, the shape of a command or script body.

    The limits hold for their sum. Raises RemoteProtocolError, and nothing else.
    """
    decoder = _Decoder(data, offset)
    values = []
    while decoder.position < len(data):
        values.append(decoder.value())
    return values


class _OpenKeyed:
    """An object or ECMA array that still takes pairs until its end marker."""

    __slots__ = ("values",)

    def __init__(self, values: dict[str, Value]) -> None:
        self.values = values


class _OpenList:
    """A strict array that still takes `left` values."""

    __slots__ = ("items", "left")

    def __init__(self, items: list[Value], left: int) -> None:
        self.items = items
        self.left = left


class _Decoder:
    """One body being read: where we are, how many values we have met, which containers are open."""

    def __init__(self, data: bytes, position: int) -> None:
        self.position = position
        self._data = data
        self._nodes = 0
        self._open: list[_OpenKeyed | _OpenList] = []

    def value(self) -> Value:
        """Read one value with everything inside it."""
        root = self._begin()
        while self._open:
            top = self._open[-1]
            if isinstance(top, _OpenList):
                self._feed_list(top)
            else:
                self._feed_keyed(top)
        return root

    def _feed_list(self, top: _OpenList) -> None:
        if top.left == 0:
            self._open.pop()
            return
        top.left -= 1
        top.items.append(self._begin())

    def _feed_keyed(self, top: _OpenKeyed) -> None:
        key = self._string()
        if not key and self._data[self.position : self.position + 1] == b"\x09":
            self.position += 1
            self._open.pop()
            return
        top.values[key] = self._begin()

    def _begin(self) -> Value:
        """Read a marker and its scalar, or open the container it announces."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise RemoteProtocolError(f"more than {MAX_NODES} AMF0 values in one message")
        marker = self._take(1)[0]
        reader = _READERS.get(marker)
        if reader is None:
            raise RemoteProtocolError(f"AMF0 marker 0x{marker:02x} is not supported")
        return reader(self)

    def _take(self, count: int) -> bytes:
        start = self.position
        piece = self._data[start : start + count]
        if len(piece) != count:
            raise RemoteProtocolError(f"AMF0 ends early: {count} bytes wanted, {len(piece)} left")
        self.position = start + count
        return piece

    def _push(self, container: _OpenKeyed | _OpenList) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise RemoteProtocolError(f"AMF0 nested deeper than {MAX_DEPTH}")
        self._open.append(container)

    def _text(self, length: int) -> str:
        # Old encoders send Latin-1 here. A replacement character cannot pass for a valid stream name, so
        # nothing is gained by closing the connection over it.
        if length > MAX_STRING_BYTES:
            raise RemoteProtocolError(f"AMF0 string of {length} bytes, {MAX_STRING_BYTES} allowed")
        return self._take(length).decode("utf-8", "replace")

    def _string(self) -> str:
        return self._text(int.from_bytes(self._take(2)))

    def _long_string(self) -> str:
        return self._text(int.from_bytes(self._take(4)))

    def _number(self) -> float:
        number: float = _DOUBLE.unpack(self._take(8))[0]
        return number

    def _boolean(self) -> bool:
        return self._take(1) != b"\x00"

    def _object(self) -> dict[str, Value]:
        values: dict[str, Value] = {}
        self._push(_OpenKeyed(values))
        return values

    def _ecma_array(self) -> EcmaArray:
        self._take(4)  # an approximate count (AMF0 section 2.10): encoders write 0 or lies, so it is not read
        values = EcmaArray()
        self._push(_OpenKeyed(values))
        return values

    def _strict_array(self) -> list[Value]:
        count = int.from_bytes(self._take(4))
        if count > len(self._data) - self.position:
            raise RemoteProtocolError(f"AMF0 array announces {count} values, more than there are bytes")
        items: list[Value] = []
        self._push(_OpenList(items, count))
        return items

    def _date(self) -> Date:
        return Date(*_DATE.unpack(self._take(10)))

    def _typed_object(self) -> TypedObject:
        return TypedObject(self._string(), self._object())


_READERS: Final[dict[int, Callable[[_Decoder], Value]]] = {
    Marker.NUMBER: _Decoder._number,
    Marker.BOOLEAN: _Decoder._boolean,
    Marker.STRING: _Decoder._string,
    Marker.OBJECT: _Decoder._object,
    Marker.NULL: lambda _decoder: None,
    Marker.UNDEFINED: lambda _decoder: UNDEFINED,
    Marker.ECMA_ARRAY: _Decoder._ecma_array,
    Marker.STRICT_ARRAY: _Decoder._strict_array,
    Marker.DATE: _Decoder._date,
    Marker.LONG_STRING: _Decoder._long_string,
    Marker.TYPED_OBJECT: _Decoder._typed_object,
}
