"""What many players are sent alike: made once, with all of its head but the request id."""

from engine.protocols.http import Shared, etag_of, media_head, playlist_head, settled
from engine.protocols.http.media_responses import MP4_TYPE
from shm.ring import RingReader


class RenderedPlaylist:
    """A playlist ready for the wire.

    Args:
        plain: its text.
        gzipped: the same in gzip; empty where it is not to be had so.
    """

    __slots__ = ("_heads", "etag", "gzip_etag", "gzipped", "plain")

    def __init__(self, plain: bytes, gzipped: bytes = b"") -> None:
        self.plain = plain
        self.gzipped = gzipped
        self.etag = etag_of(plain)
        self.gzip_etag = f'{self.etag[:-1]}-gz"'
        self._heads: dict[tuple[bool, str, str], Shared] = {}

    def head(self, gzip: bool, cache_control: str, origin: str) -> Shared:
        """The head of an answer with it, by what only the configuration and the kind of request change."""
        found = self._heads.get((gzip, cache_control, origin))
        if found is None:
            head = playlist_head(
                len(self.gzipped if gzip else self.plain),
                etag=self.gzip_etag if gzip else self.etag,
                cache_control=cache_control,
                request_id="",
                origin=origin,
                gzip=gzip,
            )
            found = self._heads[gzip, cache_control, origin] = settled(head)
        return found


class WholePart:
    """A part that is finished: bytes `[start, stop)` of a package's ring."""

    __slots__ = ("_heads", "ring", "start", "stop")

    def __init__(self, ring: RingReader, start: int, stop: int) -> None:
        self.ring = ring
        self.start = start
        self.stop = stop
        self._heads: dict[tuple[str, str], Shared] = {}

    def head(self, cache_control: str, origin: str) -> Shared:
        """The head of an answer with it, by what only the configuration changes."""
        found = self._heads.get((cache_control, origin))
        if found is None:
            head = media_head(
                self.stop - self.start,
                content_type=MP4_TYPE,
                request_id="",
                cache_control=cache_control,
                origin=origin,
            )
            found = self._heads[cache_control, origin] = settled(head)
        return found
