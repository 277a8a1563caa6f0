"""A playlist for one who had to show something to get it: every address in it shows that as well.

A player takes what is in the multivariant playlist's address nowhere else: its media playlists, segments and
parts are addresses of their own (RFC 3986 section 5.2.2 drops the query). A cookie would do the same for
browsers alone, and not from another site.
"""

import re
from typing import Final

from engine.protocols.hls.errors import LocalProtocolError

_ADDRESS: Final = re.compile(rb'^([^#\n][^\n]*)$|(?<=[,:]URI=")([^"\n]*)(?=")', re.MULTILINE)
_QUERY: Final = re.compile(r"[A-Za-z0-9._~%=&+*-]*", re.ASCII)


def with_query(playlist: bytes, query: str) -> bytes:
    """The same playlist with `query` behind every address; it is percent-encoded, and may be empty."""
    if not query:
        return playlist
    if not _QUERY.fullmatch(query):
        raise LocalProtocolError("a query with characters that would end the address")
    behind = query.encode()

    def longer(match: re.Match[bytes]) -> bytes:
        return match[0] + (b"&" if b"?" in match[0] else b"?") + behind

    return _ADDRESS.sub(longer, playlist)
