"""The request target: path and query, decoded strictly and bounded.

Lenient decoding is how one name gets two spellings and a check is walked round. So a path that holds a
stray percent sign, bytes that are not UTF-8, a control character or an encoded slash is refused, not
repaired; and a parameter given twice is refused, since whoever checked it may have read the other one.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from engine.protocols.http import limits
from engine.protocols.http.errors import RemoteProtocolError

#: A crowd asks for the same things: the newest part, and the playlist that will name the next.
_REMEMBERED: Final = 1024
_NO_PARAMETERS: Final[Mapping[str, str]] = MappingProxyType({})

_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})|%")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_AUTHORITY = re.compile(rb"\Ahttps?://[^/?#]*", re.IGNORECASE)


Target = tuple[str, Mapping[str, str]]
"""Path and parameters."""


def parse_target(target: bytes) -> Target:
    """Split `target` into its decoded path and its parameters.

    Takes the origin form, the absolute form that a server must accept (RFC 9112 section 3.2.2) and
    the asterisk of OPTIONS.
    """
    if len(target) > limits.MAX_TARGET_BYTES:
        raise RemoteProtocolError("request target too long", reply=414)
    return _remembered(target) if len(target) <= limits.MAX_REMEMBERED_BYTES else _parse(target)


def _parse(target: bytes) -> Target:
    if target == b"*":
        return "*", _NO_PARAMETERS
    raw_path, _, raw_query = _origin_form(target).partition(b"?")
    return _decode_path(raw_path), MappingProxyType(_parse_query(raw_query))


_remembered = lru_cache(maxsize=_REMEMBERED)(_parse)


def _origin_form(target: bytes) -> bytes:
    rest = target if target.startswith(b"/") else _without_authority(target)
    if b"#" in rest:
        raise RemoteProtocolError("a request target has no fragment")  # RFC 9112 section 3.2.1
    return rest


def _without_authority(target: bytes) -> bytes:
    authority = _AUTHORITY.match(target)
    if authority is None:
        raise RemoteProtocolError("request target is not a path")
    rest = target[authority.end() :]
    return rest if rest.startswith(b"/") else b"/" + rest


def _decode_path(raw: bytes) -> str:
    if len(raw) > limits.MAX_PATH_BYTES:
        raise RemoteProtocolError("path too long", reply=414)
    if b"%" in raw and b"%2f" in raw.lower():
        raise RemoteProtocolError("encoded slash in the path")
    return _decode(raw, "path")


def _parse_query(raw: bytes) -> dict[str, str]:
    if not raw:
        return {}
    pairs = [piece for piece in raw.split(b"&") if piece]
    if len(pairs) > limits.MAX_QUERY_PAIRS:
        raise RemoteProtocolError("too many query parameters")
    query: dict[str, str] = {}
    for piece in pairs:
        _take_pair(query, piece)
    return query


def _take_pair(query: dict[str, str], piece: bytes) -> None:
    raw_name, _, raw_value = piece.replace(b"+", b" ").partition(b"=")
    name, value = _decode(raw_name, "query"), _decode(raw_value, "query")
    if len(name) > limits.MAX_QUERY_NAME_CHARS or len(value) > limits.MAX_QUERY_VALUE_CHARS:
        raise RemoteProtocolError("query parameter too long", reply=414)
    if name in query:
        raise RemoteProtocolError("query parameter given twice")
    query[name] = value


def _decode(raw: bytes, what: str) -> str:
    try:
        text = (_ESCAPE.sub(_unescape, raw) if b"%" in raw else raw).decode("utf-8")
    except ValueError:  # a bare percent sign, or bytes that are no UTF-8
        raise RemoteProtocolError(f"bad percent-encoding in the {what}") from None
    if not text.isprintable() and _CONTROL.search(text):  # the first is fast, the second exact
        raise RemoteProtocolError(f"control character in the {what}")
    return text


def _unescape(match: re.Match[bytes]) -> bytes:
    digits = match[1]
    if digits is None:
        raise ValueError("percent sign without two hexadecimal digits")
    return bytes.fromhex(digits.decode("ascii"))
