"""All streams that this ingest owns: claiming slots, keeping them through a grace time, giving them back."""

import time
from collections.abc import Iterator
from typing import Protocol

from engine.config import Config, for_path
from shm.board import Board
from shm.directory import Directory, DirectoryWriter, StreamRecord, StreamState
from shm.errors import DirectoryFull
from workers.ingest.stream import Holder, PublishedStream
from workers.runtime.bans import BanWatch
from workers.runtime.bells import Bells
from workers.runtime.remotes import host_of
from workers.runtime.worker import Worker


class Refused(Exception):
    """No stream for this publisher. `reason` is the label in the counters, the text what the peer is told."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class News(Protocol):
    """Who wants to know which streams there are."""

    def came(self, record: StreamRecord) -> None:
        """The stream is there; may be said again."""
        ...

    def went(self, record: StreamRecord) -> None:
        """The stream is over; may be said again."""
        ...


class Streams:
    """Streams by name. Made once per ingest process; takes over what a dead one left in its slots.

    Args:
        worker: for the arena, the configuration and the board.
        news: hears what comes and goes; None: nobody does.
        bans: who gets no stream; None: everybody may have one.
    """

    def __init__(self, worker: Worker, news: News | None = None, bans: BanWatch | None = None) -> None:
        ingests = sum(slot.role == worker.slot.role for slot in worker.slots)
        self._worker = worker
        self._news = news
        self.bans = bans or BanWatch(None)
        self._board: Board = worker.board
        self._directory: Directory = worker.directory
        self._writer = DirectoryWriter(worker.arena, worker.slot.index, ingests)
        self._bells = Bells(worker.board, worker.doorbells)
        self._streams: dict[str, PublishedStream] = {}
        self._leaving: list[PublishedStream] = []  # ended; their last readers are still there
        self._adopt()

    def __iter__(self) -> Iterator[PublishedStream]:
        """Streams that have a publisher or wait for one."""
        return iter(list(self._streams.values()))

    def _adopt(self) -> None:
        """A predecessor's streams go on: its publishers are gone with it and have the grace time to
        return.
        """
        for record in self._writer.owned():
            settings = for_path(self._worker.config, record.name)
            stream = PublishedStream(
                self._worker.arena, self._writer, record.slot, record.name, settings, self._bells
            )
            stream.inherit(record, self._directory.headers(record.slot))
            if record.state is StreamState.ENDED:
                self._leaving.append(stream)
                self._tell_went(stream)
            else:
                self._streams[record.name] = stream
                self._tell_came(stream)

    def open(self, name: str, publisher: Holder, remote: str = "", key_id: str = "") -> PublishedStream:
        """Give `publisher` the stream `name`: a new one, one in its grace time, or another publisher's.
        Raises Refused.

        remote, key_id: where it is, and what let it in. A worker that deals with strangers has asked for
        bans already, but one may have come while the publisher was on its way here.
        """
        if self.bans.of_publisher(host_of(remote), name, key_id) is not None:
            raise Refused("banned", "this address, stream or key is banned")
        self._set_ended_aside()
        stream = self._streams.get(name)
        if stream is None or stream.publisher is None:
            self._check_room()
        elif not stream.settings.takeover:
            raise Refused("name_taken", f"{name} is being published by somebody else")
        if stream is None:
            stream = self._claim(name)
        stream.begin_session(publisher)
        return stream

    def _check_room(self) -> None:
        limit = self._worker.config.publish.max_streams
        if self._directory.live_count() >= limit:
            raise Refused("too_many_streams", f"{limit} streams are published already")

    def _claim(self, name: str) -> PublishedStream:
        try:
            slot = self._writer.claim(name)
        except DirectoryFull as error:
            raise Refused("too_many_streams", str(error)) from None
        settings = for_path(self._worker.config, name)
        stream = PublishedStream(self._worker.arena, self._writer, slot, name, settings, self._bells)
        self._streams[name] = stream
        self._tell_came(stream)
        return stream

    def _tell_came(self, stream: PublishedStream) -> None:
        if self._news is not None:
            self._news.came(self._directory.get(stream.slot))

    def _tell_went(self, stream: PublishedStream) -> None:
        if self._news is not None:
            self._news.went(self._directory.get(stream.slot))

    def look_after(self) -> None:
        """End what has been in grace for too long, and give back what nobody reads any more."""
        now_s = time.monotonic()
        for stream in self:
            if stream.grace_is_over(now_s):
                stream.end()
        self._set_ended_aside()
        for stream in self._leaving:
            if not self._board.readers_of(stream.slot):
                stream.release()
        self._leaving = [stream for stream in self._leaving if not stream.released]

    def _set_ended_aside(self) -> None:
        """A stream that has ended gives its name up at once, its slot when its last reader is gone."""
        for stream in self:
            if stream.state is StreamState.ENDED:
                del self._streams[stream.name]
                self._leaving.append(stream)
                self._tell_went(stream)

    def end_all(self) -> None:
        for stream in self:
            if stream.state is not StreamState.ENDED:
                stream.end()
            self._tell_went(stream)

    def reconfigure(self, old: Config, new: Config) -> None:
        for stream in self:
            stream.settings = for_path(new, stream.name)
