"""Quoted strings of attribute lists (RFC 8216bis §4.2): whatever is written in one passes here."""

import re
from typing import Final

from engine.protocols.hls.errors import LocalProtocolError

_QUOTABLE: Final = re.compile(r'[^"\x00-\x1f\x7f-\x9f\u2028\u2029]{1,1024}')


def checked(text: str) -> str:
    """`text` as it is; LocalProtocolError if it would end its quotes, or its line."""
    if _QUOTABLE.fullmatch(text) is None:
        raise LocalProtocolError(f"cannot stand in quotation marks: {text[:80]!r}")
    return text
