"""How AMF0 values look in Python.

| AMF0 (section)                       | Python                             |
|--------------------------------------|------------------------------------|
| number (2.2)                         | `float` (`int` is accepted as input) |
| boolean (2.3)                        | `bool`                             |
| string, long string (2.4, 2.14)      | `str`                              |
| object (2.5)                         | `dict`                             |
| null (2.7)                           | `None`                             |
| undefined (2.8)                      | `UNDEFINED`                        |
| ECMA array (2.10)                    | `EcmaArray`, a `dict`              |
| strict array (2.12)                  | `list`                             |
| date (2.13)                          | `Date`                             |
| typed object (2.18)                  | `TypedObject`                      |

References, XML documents, movie clips, record sets and the switch to AMF3 are refused: no live encoder sends
them, and references would let a small body describe an endless value.
"""

from enum import Enum
from typing import Final, TypeAlias, Union

import msgspec


class Undefined(Enum):
    """The type of the one `UNDEFINED` value (an enum, so that `is` narrows the type)."""

    UNDEFINED = "undefined"


UNDEFINED: Final = Undefined.UNDEFINED


class EcmaArray(dict[str, "Value"]):
    """An associative array: a dict that remembers to be written as ECMA array, as `onMetaData` wants it."""


class Date(msgspec.Struct, frozen=True):
    """Milliseconds since 1970 and a time zone in minutes, which the specification says to leave 0."""

    milliseconds: float
    zone_minutes: int = 0


class TypedObject(msgspec.Struct, frozen=True):
    """An object with the name of its class."""

    class_name: str
    values: "dict[str, Value]"


Value: TypeAlias = Union[  # noqa: UP007 - a recursive alias has to name itself in quotes
    float, bool, str, Undefined, Date, TypedObject, EcmaArray, dict[str, "Value"], list["Value"], None
]


class Marker:
    """The byte before each value (AMF0 section 2.1)."""

    NUMBER: Final = 0x00
    BOOLEAN: Final = 0x01
    STRING: Final = 0x02
    OBJECT: Final = 0x03
    NULL: Final = 0x05
    UNDEFINED: Final = 0x06
    ECMA_ARRAY: Final = 0x08
    OBJECT_END: Final = 0x09
    STRICT_ARRAY: Final = 0x0A
    DATE: Final = 0x0B
    LONG_STRING: Final = 0x0C
    TYPED_OBJECT: Final = 0x10
