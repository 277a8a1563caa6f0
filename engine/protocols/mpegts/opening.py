"""The beginning of a stream, put in order: codec headers of all tracks first, then frames.

A transport stream says which tracks there are before the first frame, but a track's codec header comes with
its own first frame, and audio, which is sent in packets of a third of a second, comes long after the first
picture. What is written as it comes has a first keyframe that lacks a header which follows: nobody can begin
there, and whoever begins before the next one is told that there is no sound. So what comes is held back until
every track has shown itself, or for a second: a track that is listed may be silent.
"""

from collections.abc import Iterable

import msgspec

from engine.media.classify import classify
from engine.protocols.mpegts.events import Media, Programme, TsEvent
from engine.protocols.mpegts.limits import MAX_OPENING_MESSAGES, MAX_OPENING_US


class Opening:
    """Events of a `TsReader` in, its media out; after the beginning everything passes as it is."""

    def __init__(self) -> None:
        self._over = False
        self._tracks = 0
        self._seen: set[int] = set()
        self._held: list[Media] = []
        self._began_us = 0

    def take(self, events: Iterable[TsEvent], now_us: int) -> list[Media]:
        """Take what was read by this time of a monotonic clock; return what may be written now."""
        media = self._media_of(events)
        if self._over:
            return media
        if media and not self._held:
            self._began_us = now_us
        self._held += media
        self._seen.update(each.kind for each in media)
        return self.finish() if self._is_complete(now_us) else []

    def finish(self) -> list[Media]:
        """Return what is held back: nothing better will come."""
        self._over = True
        held, self._held = self._held, []
        headers = [each for each in held if classify(each.kind, each.body).header]
        frames = [each for each in held if not classify(each.kind, each.body).header]
        return [_at(header, held[0]) for header in headers] + frames

    def _media_of(self, events: Iterable[TsEvent]) -> list[Media]:
        media = []
        for event in events:
            if isinstance(event, Programme):
                self._tracks = sum(track.used for track in event.tracks)
            else:
                media.append(event)
        return media

    def _is_complete(self, now_us: int) -> bool:
        if not self._held:
            return False
        waited = now_us - self._began_us >= MAX_OPENING_US or len(self._held) >= MAX_OPENING_MESSAGES
        return waited or len(self._seen) >= self._tracks


def _at(header: Media, first: Media) -> Media:
    """The header with the time of the first message, so that time does not go back behind it."""
    return msgspec.structs.replace(
        header, timestamp_ms=first.timestamp_ms, dts_us=first.dts_us, pts_us=first.dts_us
    )
