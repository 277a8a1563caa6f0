"""All streams that this worker's players watch, and the directory they are found in."""

from collections.abc import Callable, Sequence
from functools import partial

import trio

from engine.config import Config, PathSettings
from engine.policy.pacing import WorkerLoad
from shm.board import Interest
from shm.directory import StreamRecord, StreamState
from shm.ring import RingReader
from workers.fanout.feed import Feed
from workers.runtime.bells import BellListener
from workers.runtime.circle import Circle
from workers.runtime.shared_tasks import start_shared
from workers.runtime.stream_settings import StreamSettings
from workers.runtime.worker import Worker

LOOK_S: float = 0.05
"""How often the directory is looked at while somebody waits for a stream to come, seconds."""

SLOW_LOOK_S: float = 0.5
"""The same while nobody waits: changes of streams that are watched come with a ring, this is for lost
ones.
"""

EAR_REST_S: float = 0.02
"""How long what players say may gather, seconds: a pong or a goodbye is not in a hurry."""

RECEPTION_TURN: int = 16
"""Requests answered between two turns of the event loop: a millisecond of parts, as the pump's turns are.
Whoever still waits for the playlist that these have waits so much longer."""

IDLE_S: float = 2.0
"""How long a feed without players is kept, seconds, so that a reload of a page does not tear it down."""

PLAYABLE = (StreamState.LIVE, StreamState.GRACE)


class StreamGone(Exception):
    """The stream has ended, or this worker is leaving, while somebody was on the way in."""


class Hub:
    """Streams by name.

    Args:
        worker: for the arena, the board and the directory.
        nursery: feeds run here.
        on_close: hears of each feed that is over.
    """

    def __init__(self, worker: Worker, nursery: trio.Nursery, on_close: Callable[[Feed], None]) -> None:
        self._on_close = on_close
        self.bell = BellListener(worker.doorbell, self.look)
        self.feeds: dict[str, Feed] = {}
        self._worker = worker
        self._nursery = nursery
        self._settings = StreamSettings(worker)
        self._load = WorkerLoad()
        self.circle = Circle()
        self.ear = Circle(EAR_REST_S)
        self.reception = Circle(0.0, RECEPTION_TURN)
        self._readers: dict[int, RingReader] = {}
        self._records: dict[str, StreamRecord] = {}
        self._version = -1
        self._changed = trio.Event()
        self._waiters = 0
        self._wanted = trio.Event()
        self._leaving = False

    # -- finding

    def find(self, name: str) -> StreamRecord | None:
        """The stream's record if it can be played now."""
        self._refresh()
        return self._records.get(name)

    def find_to_play(self, name: str) -> StreamRecord | None:
        """The same, or where `name` is a programme without a stream of its own, the rendition to begin with:
        the first of those that are there and have a picture, else the first of all."""
        own = self.find(name)
        if own is not None:
            return own
        there = list(filter(None, map(self.find, self._renditions(name))))
        return next(filter(self._has_picture, there), there[0] if there else None)

    def _renditions(self, programme: str) -> tuple[str, ...]:
        return self._worker.config.hls.programmes.renditions(programme)

    def _has_picture(self, record: StreamRecord) -> bool:
        """Asked anew: what a stream is made of is known only when its first frames have come."""
        newest = self._worker.directory.find(record.name)
        return newest is not None and newest.stats.video_codec != 0

    async def wait_for(self, name: str, seconds: float) -> StreamRecord | None:
        """The stream's record, waiting at most `seconds` for it to come, and not while this worker leaves."""
        return await self._wait(partial(self.find, name), seconds)

    async def wait_for_any(self, names: Sequence[str], seconds: float) -> StreamRecord | None:
        """The same of several streams: the record of whichever is there first."""
        return await self._wait(lambda: next(filter(None, map(self.find, names)), None), seconds)

    async def wait_to_play(self, name: str, seconds: float) -> StreamRecord | None:
        """The same of a stream or programme: what `find_to_play` gives."""
        return await self._wait(partial(self.find_to_play, name), seconds)

    async def _wait(self, find: Callable[[], StreamRecord | None], seconds: float) -> StreamRecord | None:
        record = find()
        self._waiters += 1
        self._wanted.set()
        try:
            with trio.move_on_after(seconds):
                while record is None and not self._leaving:
                    await self._changed.wait()
                    record = find()
        finally:
            self._waiters -= 1
        return record

    def names(self) -> list[str]:
        """What can be played now: streams, and programmes of which a rendition is there."""
        self._refresh()
        programmes = self._worker.config.hls.programmes
        live = (name for name in programmes if not self._records.keys().isdisjoint(self._renditions(name)))
        return [*self._records.keys() | set(live)]

    def settings_for(self, name: str) -> PathSettings:
        return self._settings.of(name)

    async def feed(self, record: StreamRecord) -> Feed:
        """The running feed of a stream, opened if need be. Raises StreamGone.

        Join it before anything is awaited: from the next turn on it may be over.
        """
        while not self._leaving and self._is_there(record):
            feed = self.feeds.get(record.name)
            if feed is None or feed.over:
                feed = self._open(record)
            await feed.started.wait()
            if not feed.over and self._is_there(record):
                return feed
        raise StreamGone(record.name)

    def _is_there(self, record: StreamRecord) -> bool:
        """Whether the directory still has this very stream, asked now."""
        found = self.find(record.name)
        return found is not None and is_same_stream(found, record)

    def _open(self, record: StreamRecord) -> Feed:
        worker, slot = self._worker, record.slot
        if slot not in self._readers:
            self._readers[slot] = RingReader(worker.arena, slot)
        row = worker.board.row(worker.slot.number, slot)
        settings = self.settings_for(record.name)
        feed = Feed(record, self._readers[slot], row, worker.directory, settings, self._load, self.circle)
        self.feeds[record.name] = feed
        self.bell.sleepers[slot] = feed
        start_shared(self._nursery, self._run, feed)
        return feed

    async def _run(self, feed: Feed) -> None:
        try:
            await feed.run()
        except Exception:  # a fault of ours costs this stream's players, not the worker with everybody in it
            self._worker.log.exception("feed_failed", stream=feed.name)
            feed.abandon("error")
        finally:
            self._on_close(feed)
            if self.bell.sleepers.get(feed.record.slot) is feed:
                del self.bell.sleepers[feed.record.slot]
                feed.row.interest = Interest.NONE
            if self.feeds.get(feed.name) is feed:
                del self.feeds[feed.name]

    # -- keeping up with the directory

    async def watch_directory(self) -> None:
        """Notice streams that come and go. Runs until cancelled."""
        while True:
            self._wanted = trio.Event()
            with trio.move_on_after(LOOK_S if self._waiters else SLOW_LOOK_S):
                await self._wanted.wait()
                await trio.sleep(LOOK_S)
            self.look()

    def look(self) -> None:
        """Act on what has changed in the directory; one load per ingest if nothing has."""
        self._refresh()

    def _refresh(self) -> None:
        version = self._worker.directory.version
        if version == self._version:
            return
        self._records = {
            record.name: record for record in self._worker.directory.all() if record.state in PLAYABLE
        }
        self._version = version
        self._changed.set()
        self._changed = trio.Event()
        self._end_those_gone()

    def _end_those_gone(self) -> None:
        for feed in list(self.feeds.values()):
            record = self._records.get(feed.name)
            if record is None or not is_same_stream(record, feed.record):
                feed.end("drained" if self._worker.draining.is_set() else "stream_ended")
            else:
                feed.record = record

    def close_idle(self) -> None:
        """Close feeds that nobody has watched for a while."""
        now_s = trio.current_time()
        for feed in list(self.feeds.values()):
            if feed.player_count:
                feed.idle_since_s = now_s
            elif now_s - feed.idle_since_s > IDLE_S:
                feed.end("idle")

    def end_all(self, reason: str) -> None:
        """End all feeds, open none any more, and let nobody wait for a stream."""
        self._leaving = True
        self._changed.set()
        for feed in list(self.feeds.values()):
            feed.end(reason)

    def reconfigure(self, old: Config, new: Config) -> None:
        for feed in self.feeds.values():
            feed.reconfigure(self.settings_for(feed.name))


def is_same_stream(one: StreamRecord, other: StreamRecord) -> bool:
    """Leases count from one in every slot: only with the slot do they tell streams apart."""
    return (one.slot, one.lease) == (other.slot, other.lease)
