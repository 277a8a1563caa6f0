"""Script messages of a publisher, made into FLV script bodies.

Encoders wrap metadata for the server: `@setDataFrame`, "onMetaData", {...}. The wrapper comes off, the rest
stays byte for byte as it was, decoded by nobody here: metadata is often slightly broken, and passes whole.
"""

from typing import Final

_STRING_MARKER: Final = b"\x02"
_SET: Final = b"\x02\x00\x0d@setDataFrame"
_CLEAR: Final = b"\x02\x00\x0f@clearDataFrame"
_METADATA: Final = b"\x02\x00\x0aonMetaData"


def unwrap(body: bytes) -> bytes | None:
    """The body of the script tag, None if the message is not one (`@clearDataFrame`, or no name first)."""
    inner = body.removeprefix(_SET)
    if inner.startswith(_CLEAR) or not inner.startswith(_STRING_MARKER):
        return None
    return inner


def wrap(body: bytes) -> bytes:
    """The message a publisher sends for a script tag: metadata gets its wrapper, other scripts stay."""
    return _SET + body if body.startswith(_METADATA) else body
