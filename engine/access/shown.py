"""What somebody shows who wants in, gathered from wherever it stands in his protocol.

    RTMP, SRT   the query of name and stream id: key=, token=, pass=; exp= kid= sig= of a signed link
    HTTP        the same, and the Authorization field, Bearer or Basic

A key and a token are told apart by nothing but their look, so that whoever has either may send it in the
place that its program offers. A user's name counts for nothing: keys have names of their own.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import unquote, urlencode

from msgspec import Struct

KEY_PARAMETERS: Final = ("key", "token", "pass")
SIGNATURE_PARAMETERS: Final = ("exp", "kid", "act", "ip", "sig")
CREDENTIALS: Final = frozenset({*KEY_PARAMETERS, *SIGNATURE_PARAMETERS, "user"})
"""Names of parameters that have to go along wherever a playlist leads."""

MAX_PARAMETERS: Final = 32
"""More parameters than any publishing program sends; the rest is not looked at."""

MAX_CANDIDATES: Final = 8
"""Values that may be meant as the key, spelled either way: each costs a look at all keys."""

MAX_AUTHORIZATION_CHARACTERS: Final = 8192
"""RFC 6750 has no limit; 8 KiB is what nginx and Apache take for a line."""


class Shown(Struct, frozen=True):
    """Credentials as they were shown. Its repr leaves them out."""

    keys: tuple[str, ...] = ()
    """What may be a key or a token, in the order that it was shown."""
    signature: tuple[tuple[str, str], ...] = ()
    """Parameters of a signed link, by name; empty where there is no `sig`."""

    def __repr__(self) -> str:
        return f"Shown({len(self.keys)} keys, {'a' if self.signature else 'no'} signature)"


NOTHING: Final = Shown()


def shown_in_query(query: str) -> Shown:
    """Read "key=...", "?key=..." or a whole "name?key=...". Never raises.

    Keys count both as they stand and percent-decoded, since clients do either. A plus sign stays one: keys
    are typed, not sent from forms.
    """
    pairs = list(_pairs(query))
    signature = {name: unquote(value) for name, value in pairs if name in SIGNATURE_PARAMETERS}
    return _shown(list(_spellings(pairs)), signature)


def shown_in_request(query: Mapping[str, str], authorization: str | None) -> Shown:
    """Read a decoded HTTP query, and the Authorization field. Never raises."""
    keys = [query[name] for name in KEY_PARAMETERS if query.get(name)]
    if authorization:
        keys = [*_authorization(authorization), *keys]
    return _shown(keys, {name: query[name] for name in SIGNATURE_PARAMETERS if name in query})


def query_to_carry(query: Mapping[str, str]) -> str:
    """What of a query has to stand behind every address that its answer names; empty for nothing."""
    return urlencode({name: value for name, value in query.items() if name in CREDENTIALS})


def shown_keys(query: str) -> Iterator[str]:
    """What may have been meant as the key, in the order that it is shown."""
    return _spellings(_pairs(query))


def _shown(keys: list[str], signature: Mapping[str, str]) -> Shown:
    signed = tuple(signature.items()) if "sig" in signature else ()
    return Shown(tuple(dict.fromkeys(keys))[:MAX_CANDIDATES], signed)


def _pairs(query: str) -> Iterator[tuple[str, str]]:
    """Cut off a name before the query; a question mark inside a value is left alone."""
    before, mark, after = query.partition("?")
    parameters = after if mark and "=" not in before else query
    for parameter in parameters.split("&", MAX_PARAMETERS)[:MAX_PARAMETERS]:
        name, _, value = parameter.partition("=")
        yield name, value


def _spellings(pairs: Iterator[tuple[str, str]] | list[tuple[str, str]]) -> Iterator[str]:
    for name, value in pairs:
        if name in KEY_PARAMETERS and value:
            yield value
            if "%" in value:
                yield unquote(value)


def _authorization(field: str) -> list[str]:
    """The token of Bearer (RFC 6750), the password of Basic (RFC 7617); nothing for what is neither."""
    scheme, _, value = field[:MAX_AUTHORIZATION_CHARACTERS].partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return [value] if value else []
    password = _password(value) if scheme.lower() == "basic" else ""
    return [password] if password else []


def _password(value: str) -> str:
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):  # ValueError: no UTF-8, or no ASCII to begin with
        return ""
    return text.partition(":")[2]
