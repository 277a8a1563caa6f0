"""Conditional requests, RFC 9110 section 13, by entity tag alone: nothing here is dated.

A tag is made from the bytes it stands for, so every worker gives the same tag to the same playlist, and its
compressed form has a tag of its own, as section 8.8.3.3 demands.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Final

#: Sixty-four bits: two versions of one playlist do not meet by chance.
TAG_BYTES: Final = 8

#: Section 8.8.3.
_TAG = r'(?:W/)?+"[\x21\x23-\x7e\x80-\xff]*+"'
#: Section 5.6.1.2: a list may have empty elements, which a recipient must ignore.
_LIST = re.compile(rf"[ \t,]*+{_TAG}(?:[ \t]*+,[ \t,]*+{_TAG})*+[ \t,]*+")
_OPAQUE = re.compile(r'"[^"]*+"')


def etag_of(content: bytes) -> str:
    """The strong entity tag of `content`, quotes included."""
    return f'"{hashlib.blake2b(content, digest_size=TAG_BYTES).hexdigest()}"'


def is_not_modified(headers: Mapping[str, str], etag: str) -> bool:
    """Whether If-None-Match says that the client has what `etag` stands for: GET and HEAD get 304 then.

    The comparison is the weak one (section 13.1.2). A field that is no list of tags matches nothing.
    """
    given = headers.get("if-none-match")
    if given is None:
        return False
    if given in (etag, "*"):
        return True
    return _LIST.fullmatch(given) is not None and _opaque(etag) in _OPAQUE.findall(given)


def range_holds(headers: Mapping[str, str], etag: str) -> bool:
    """Whether a Range field counts: without If-Range, or when it has this tag, by strong comparison.

    Section 13.1.5. A date in If-Range never matches, since no answer had one.
    """
    given = headers.get("if-range")
    return given is None or (given == etag and not etag.startswith("W/"))


def _opaque(etag: str) -> str:
    return etag.removeprefix("W/")
