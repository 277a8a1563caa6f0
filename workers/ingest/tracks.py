"""The further video tracks of one RTMP publisher: each is a stream beside the one it asked for.

They live with their publisher: taken over with it, in grace with it, ended with it. What goes wrong with one
of them costs that one, and is told once.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from structlog.typing import FilteringBoundLogger

from engine.access.names import track_name
from engine.media.tags import OverlongBody
from engine.media.track_split import TrackSplit
from shm.errors import ShmError
from workers.ingest.stream import Message, PublishedStream
from workers.ingest.streams import Refused, Streams

TRACK_FAILURES: Final = (Refused, ShmError, OverlongBody)


class TrackMessage(NamedTuple):
    """One message of a further track, as if it were alone."""

    kind: int
    timestamp_ms: int
    body: bytes


class TrackHolder:
    """Who holds a further track: nobody is told when it changes hands, since the publisher itself is."""

    def __init__(self, client_id: str) -> None:
        self.id = client_id

    def evict(self) -> None:
        """Whoever takes the stream over has taken it from its publisher already."""


class PublishedTracks:
    """The further tracks of one session.

    Args:
        streams: where their streams come from.
        name: the stream that the publisher asked for.
        client_id: the publisher's.
        log: hears of tracks that come, and of those that cannot.
    """

    def __init__(self, streams: Streams, name: str, client_id: str, log: FilteringBoundLogger) -> None:
        self._streams = streams
        self._name = name
        self._holder = TrackHolder(client_id)
        self._log = log
        self._split = TrackSplit()
        self._open: dict[int, PublishedStream] = {}
        self._refused: set[int] = set()

    def take(self, messages: Iterable[Message], now_ns: int) -> None:
        """Write what is for the further tracks. Never raises for what becomes of them."""
        batches: dict[int, list[Message]] = {}
        for message in messages:
            for track, kind, body in self._split.take(message.kind, message.body):
                batches.setdefault(track, []).append(TrackMessage(kind, message.timestamp_ms, body))
        for track, batch in batches.items():
            if track not in self._refused:
                self._write(track, batch, now_ns)

    def __iter__(self) -> Iterator[PublishedStream]:
        """The streams of the further tracks."""
        return iter(self._open.values())

    def leave(self, *, clean: bool) -> None:
        """The session is over."""
        for stream in self._open.values():
            if clean:
                stream.finished(self._holder)
            else:
                stream.vanished(self._holder)

    def _write(self, track: int, batch: list[Message], now_ns: int) -> None:
        try:
            stream = self._open.get(track) or self._begin(track)
            stream.take(batch, now_ns)
        except TRACK_FAILURES as error:
            self._refuse(track, error)

    def _begin(self, track: int) -> PublishedStream:
        name = track_name(self._name, track)
        stream = self._open[track] = self._streams.open(name, self._holder)
        self._log.info("publishing_track", conn=self._holder.id, stream=name)
        return stream

    def _refuse(self, track: int, error: Exception) -> None:
        self._refused.add(track)
        self._split.forget(track)
        name = track_name(self._name, track)
        self._log.warning("track_refused", conn=self._holder.id, stream=name, why=str(error))
        stream = self._open.pop(track, None)
        if stream is not None:
            stream.finished(self._holder)
