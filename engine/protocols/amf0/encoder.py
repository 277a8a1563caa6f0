"""Writing AMF0.

Our own values are small and made by us, so this side is plain recursion; the depth limit is checked all the
same, because a value that contains itself is an easy mistake and must fail as LocalProtocolError.
"""

from struct import Struct
from struct import error as StructError
from typing import Final

from engine.protocols.amf0.errors import LocalProtocolError
from engine.protocols.amf0.limits import MAX_DEPTH
from engine.protocols.amf0.values import Date, EcmaArray, Marker, TypedObject, Undefined, Value

_NUMBER: Final = Struct(">Bd")
_DATE: Final = Struct(">Bdh")
_MAX_SHORT_BYTES: Final = 0xFFFF
_OBJECT_END: Final = b"\x00\x00\x09"


def encode(*values: Value) -> bytes:
    """The values one after the other, as a command or script body wants them.

    Raises LocalProtocolError for what AMF0 cannot say.
    """
    out = bytearray()
    try:
        for value in values:
            _append(out, value, 0)
    except StructError as error:
        raise LocalProtocolError(f"a number does not fit: {error}") from None
    return bytes(out)


def _append(out: bytearray, value: Value, depth: int) -> None:
    match value:
        case None:
            out.append(Marker.NULL)
        case Undefined():
            out.append(Marker.UNDEFINED)
        case bool():  # before the numbers: True is an int
            out += bytes((Marker.BOOLEAN, value))
        case float() | int():
            out += _NUMBER.pack(Marker.NUMBER, value)
        case str():
            out += _string(value)
        case Date():
            out += _DATE.pack(Marker.DATE, value.milliseconds, value.zone_minutes)
        case _:
            _append_container(out, value, depth)


def _append_container(
    out: bytearray, value: TypedObject | EcmaArray | dict[str, Value] | list[Value], depth: int
) -> None:
    if depth >= MAX_DEPTH:
        raise LocalProtocolError(f"a value nested deeper than {MAX_DEPTH}")
    match value:
        case list():
            _append_list(out, value, depth)
        case EcmaArray():
            out.append(Marker.ECMA_ARRAY)
            out += len(value).to_bytes(4)
            _append_pairs(out, value, depth)
        case dict():
            out.append(Marker.OBJECT)
            _append_pairs(out, value, depth)
        case TypedObject():
            out.append(Marker.TYPED_OBJECT)
            out += _key(value.class_name)
            _append_pairs(out, value.values, depth)
        case _:
            raise LocalProtocolError(f"AMF0 has no encoding for {type(value).__name__}")


def _append_list(out: bytearray, items: list[Value], depth: int) -> None:
    out.append(Marker.STRICT_ARRAY)
    out += len(items).to_bytes(4)
    for item in items:
        _append(out, item, depth + 1)


def _append_pairs(out: bytearray, pairs: dict[str, Value], depth: int) -> None:
    for key, item in pairs.items():
        out += _key(key)
        _append(out, item, depth + 1)
    out += _OBJECT_END


def _string(text: str) -> bytes:
    raw = _utf8(text)
    if len(raw) <= _MAX_SHORT_BYTES:
        return b"\x02" + len(raw).to_bytes(2) + raw
    return b"\x0c" + len(raw).to_bytes(4) + raw


def _key(text: str) -> bytes:
    raw = _utf8(text)
    if len(raw) > _MAX_SHORT_BYTES:
        raise LocalProtocolError(f"a key of {len(raw)} bytes, {_MAX_SHORT_BYTES} allowed")
    return len(raw).to_bytes(2) + raw


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise LocalProtocolError("text with lone surrogates") from None
