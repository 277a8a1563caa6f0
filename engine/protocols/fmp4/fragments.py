"""A stream as one fragment per frame, for players that append what they get to a buffer as it comes.

The first frame after a change of tracks comes with a new init segment in front. The last frame is not held
back to learn its duration: it is taken to last as long as the one before, which the next one's time corrects.
"""

from typing import NamedTuple

from engine.media.tags import KIND_VIDEO, Body, split_tags
from engine.protocols.fmp4.chunks import ChunkWriter
from engine.protocols.fmp4.init import init_segment
from engine.protocols.fmp4.tracks import Tracks


class Opening(NamedTuple):
    """What a player must have before the first fragment."""

    mime: str  # with codecs, as MediaSource.isTypeSupported takes it
    tracks: tuple[str, ...]  # "video", "audio"
    init: bytes


class Fragment(NamedTuple):
    """One frame; `opening` if it needs another one than those before."""

    opening: Opening | None
    data: bytes


class Fragments:
    """Tags in, fragments out.

    Args:
        headers: metadata and codec headers as they are now, as whole FLV tags.
    """

    def __init__(self, headers: Body = b"") -> None:
        self._tracks = Tracks()
        for tag in split_tags(headers):
            self._tracks.take(tag.kind, 0, 0, tag.body)
        self._begin()

    @property
    def opening(self) -> Opening | None:
        """What comes before the next fragment; None while no track is known."""
        tracks = self._tracks.tracks
        if not tracks:
            return None
        kinds = tuple("video" if track.kind == KIND_VIDEO else "audio" for track in tracks)
        container = "video/mp4" if "video" in kinds else "audio/mp4"
        codecs = ",".join(track.codecs for track in tracks)
        return Opening(f'{container}; codecs="{codecs}"', kinds, init_segment(tracks))

    def take(self, kind: int, dts_us: int, pts_us: int, body: Body, captured_us: int) -> Fragment | None:
        """The fragment of one tag; None for a tag that is no frame, or of no track that we can write.

        captured_us: wall clock at which it came in, from which the player tells how late it shows it.
        """
        sample = self._tracks.take(kind, dts_us, pts_us, body)
        if sample is None:
            return None
        opening = None
        if self._version != self._tracks.version:
            self._begin()
            opening = self.opening
        assert self._writer is not None  # a sample has a track
        return Fragment(opening, self._writer.chunk([sample], {}, capture=(captured_us, dts_us)))

    def _begin(self) -> None:
        self._version = self._tracks.version
        self._writer = ChunkWriter(self._tracks.tracks) if self._tracks.tracks else None
