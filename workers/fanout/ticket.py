"""How an HLS player got in, and what follows for what it is answered: who may keep it, and what the addresses
in its playlists have to show.

What asks nobody for anything may be kept by caches for everybody. What does not is `private` (RFC 9111
section 5.2.2.7): a browser keeps it, a CDN does not, since it would hand it to whoever asks next. A CDN in
front of guarded streams has to check links itself, and then the engine behind it trusts its address
(`play_allow`).
"""

import gzip
from functools import lru_cache
from typing import NamedTuple

from engine.protocols.hls.carry import with_query
from workers.fanout.prepared import RenderedPlaylist
from workers.fanout.shelf import GZIP_LEVEL

MAX_CARRIED: int = 256
"""Playlists with what was shown in them that are kept: those who share a link, a key or a token share them,
and each is asked for again by every one of them within its part. A dozen KiB each."""


class Ticket(NamedTuple):
    """One request's."""

    is_public: bool = True
    carry: str = ""
    """Goes behind every address in a playlist, percent-encoded; empty for nothing."""
    key_id: str = ""
    """Of the key, link or token that let its player in; empty where nothing was needed."""

    def caching(self, cache_control: str) -> str:
        """The same for those who may keep this."""
        return cache_control if self.is_public else cache_control.replace("public", "private", 1)

    def playlist(self, rendered: RenderedPlaylist) -> RenderedPlaylist:
        """The playlist for this player."""
        return carried(rendered, self.carry) if self.carry else rendered


PUBLIC = Ticket()


@lru_cache(maxsize=MAX_CARRIED)
def carried(rendered: RenderedPlaylist, query: str) -> RenderedPlaylist:
    """The playlist with `query` in its addresses."""
    plain = with_query(rendered.plain, query)
    gzipped = gzip.compress(plain, GZIP_LEVEL, mtime=0) if rendered.gzipped else b""
    return RenderedPlaylist(plain, gzipped)
