"""One published stream: its slot in the directory, its ring, and the publisher that has it now.

    LIVE   a publisher has it
    GRACE  the publisher vanished; players wait for it to come back
    ENDED  it said good-bye, or the grace time is over; players drain

Order of stores that readers rely on: codec headers go to the directory before the tags that need them go to
the ring, so that whoever finds a start point finds its headers too.
"""

import enum
import time
from collections.abc import Iterable, Sequence
from typing import Protocol

from engine.config import PathSettings
from engine.media.headers import HeaderSet
from engine.media.intake import Intake, IntakeTag
from engine.media.survey import IntakeStats
from engine.media.timeline import Timeline
from shm.arena import Arena
from shm.directory import DirectoryWriter, StreamRecord, StreamState, StreamStats
from shm.directory_link import LinkStats
from shm.errors import Lapped
from shm.ring import RingReader, RingWriter, Tag
from workers.runtime.bells import Bells


class Beginning(enum.Enum):
    """How the newest session of a stream began."""

    NEW = "new"
    RETURN = "return"
    TAKEOVER = "takeover"


class Holder(Protocol):
    """The publisher of a stream, as far as the stream cares."""

    id: str

    def evict(self) -> None:
        """Another publisher takes over: tell the peer and close."""
        ...


class Message(Protocol):
    """A publisher's media as any protocol brings it: one FLV tag's worth."""

    @property
    def kind(self) -> int: ...
    @property
    def timestamp_ms(self) -> int: ...
    @property
    def body(self) -> bytes: ...


class PublishedStream:
    """A stream this ingest owns.

    Args:
        arena: where the ring is.
        directory: written through this alone.
        slot: the stream's place in both.
        name: as validated.
        settings: the stream's own.
        bells: to wake the workers that send it.
    """

    def __init__(
        self,
        arena: Arena,
        directory: DirectoryWriter,
        slot: int,
        name: str,
        settings: PathSettings,
        bells: Bells,
    ) -> None:
        self.slot = slot
        self.name = name
        self.settings = settings
        self.state = StreamState.LIVE
        self.since_s = time.monotonic()
        self.publisher: Holder | None = None
        self.beginning = Beginning.NEW
        self.reconnects = 0
        self.takeovers = 0
        self.unseen_until_ns = 0
        """Until when nobody will look at what comes next (monotonic), as it was when the ring was written."""
        self.released = False
        self.broken_limits = 0  # see StreamStats
        self._arena = arena
        self._directory = directory
        self._bells = bells
        self._sessions = 0
        self._intake = Intake()
        self._headers_version = self._intake.headers.version
        self._ring = self._new_writer(directory.epoch(slot))
        self._repairs = (0, 0)
        self._before = StreamStats()  # totals of an ingest that died

    def inherit(self, record: StreamRecord, headers: tuple[int, bytes]) -> None:
        """Go on where an ingest that died was: its headers, the newest time in the ring, a grace time for
        its publisher.
        """
        newest_ms = newest_dts_ms(RingReader(self._arena, self.slot))
        timeline = Timeline() if newest_ms is None else Timeline.continue_from(newest_ms)
        self._intake = Intake(timeline=timeline, headers=HeaderSet.restore(*headers))
        self._headers_version = self._intake.headers.version
        self.reconnects, self.takeovers = record.stats.reconnects, record.stats.takeovers
        self._before = record.stats
        self._sessions = 1
        self.state = record.state
        if record.state is StreamState.LIVE:
            self._enter(StreamState.GRACE if self.settings.grace_s > 0 else StreamState.ENDED)

    # -- sessions

    def begin_session(self, publisher: Holder) -> None:
        """`publisher` has the stream from now on; who had it before is told and closed."""
        before, self.publisher = self.publisher, publisher
        if before is not None:
            self.beginning = Beginning.TAKEOVER
            self.takeovers += 1
            before.evict()
        elif self._sessions:
            self.beginning = Beginning.RETURN
            self.reconnects += 1
        if self._sessions:
            self._begin_epoch()
            self._intake.begin_session()
        self._sessions += 1
        self.broken_limits = 0
        self.report_link(None)
        self._enter(StreamState.LIVE)
        self.report(time.monotonic_ns())  # this process may not live to the next round

    def vanished(self, publisher: Holder) -> None:
        """The publisher is gone without a word: players are kept for the grace time."""
        if self.publisher is publisher:
            self.publisher = None
            self._enter(StreamState.GRACE if self.settings.grace_s > 0 else StreamState.ENDED)

    def finished(self, publisher: Holder) -> None:
        """The publisher said good-bye."""
        if self.publisher is publisher:
            self.publisher = None
            self.end()

    def end(self) -> None:
        self._enter(StreamState.ENDED)

    def grace_is_over(self, now_s: float) -> bool:
        return self.state is StreamState.GRACE and now_s - self.since_s > self.settings.grace_s

    def _enter(self, state: StreamState) -> None:
        self.state = state
        self.since_s = time.monotonic()
        self._directory.set_state(self.slot, state)
        self._bells.ring_for(self.slot)

    def release(self) -> None:
        """Give ring and slot back. No reader may be left."""
        self._ring.release()
        self._directory.free(self.slot)
        self.released = True

    # -- media

    def take(self, messages: Iterable[Message], now_ns: int) -> int:
        """Write what a publisher sent and wake who waits for it. Returns the number of tags.

        Raises TagTooLarge, ArenaFull, LostRing (shm) and OverlongBody (media).
        """
        tags: list[IntakeTag] = []
        for message in messages:
            tags += self._intake.take(message.kind, message.timestamp_ms, message.body, now_ns)
        if tags:
            self._publish_headers()
            self._write(tags)
            self.unseen_until_ns = self._bells.ring_for(self.slot)
        return len(tags)

    def _publish_headers(self) -> None:
        headers = self._intake.headers
        if headers.version != self._headers_version:
            self._directory.set_headers(self.slot, headers.generation, headers.blob())
            self._headers_version = headers.version  # last: what found no memory is tried again

    def _write(self, tags: Sequence[IntakeTag]) -> None:
        """All tags in one go, but for the rare one with which the timeline begins anew."""
        batch: list[Tag] = []
        for tag in tags:
            if tag.new_epoch:
                self._ring.write(batch)
                batch = []
                self._begin_epoch()
            batch.append(Tag._make(tag))
        self._ring.write(batch)

    def _begin_epoch(self) -> None:
        epoch = self._directory.epoch(self.slot) + 1
        self._directory.set_epoch(self.slot, epoch)
        self._ring = self._new_writer(epoch)

    def _new_writer(self, epoch: int) -> RingWriter:
        return RingWriter(self._arena, self.slot, epoch, check_epoch=lambda: self._directory.epoch(self.slot))

    # -- figures

    @property
    def headers_version(self) -> int:
        """Another number once codec headers or metadata have changed."""
        return self._headers_version

    def measured(self) -> IntakeStats:
        """What the stream is like now."""
        return self._intake.stats(time.monotonic_ns())

    def show_limits(self, broken: int) -> None:
        """Say at once which limits the publisher does not keep; see StreamStats."""
        if broken != self.broken_limits:
            self.broken_limits = broken
            self.report(time.monotonic_ns())

    def report(self, now_ns: int) -> None:
        """Put what was measured into the directory."""
        stats, before = self._intake.stats(now_ns), self._before
        self._directory.set_stats(
            self.slot,
            StreamStats(
                bytes_in=before.bytes_in + stats.bytes_in,
                tags_in=before.tags_in + stats.tags_in,
                video_tags=before.video_tags + stats.video_tags,
                audio_tags=before.audio_tags + stats.audio_tags,
                keyframes=before.keyframes + stats.keyframes,
                repairs=before.repairs + stats.repairs_backwards + stats.repairs_ahead,
                reconnects=self.reconnects,
                takeovers=self.takeovers,
                last_tag_ns=stats.last_tag_ns,
                bitrate_bps=stats.bitrate_bps,
                video_fps_milli=stats.video_fps_milli,
                keyframe_interval_ms=stats.keyframe_interval_ms,
                width=stats.video.width or 0,
                height=stats.video.height or 0,
                publisher_id=publisher_number(self.publisher.id) if self.publisher else 0,
                video_codec=codec_word(stats.video.codec),
                audio_codec=codec_word(stats.audio.codec),
                broken_limits=self.broken_limits,
                video_ahead_ms=max(0, stats.video_ahead_ms),
                audio_ahead_ms=max(0, -stats.video_ahead_ms),
            ),
        )

    def report_link(self, link: LinkStats | None) -> None:
        """Put an SRT publisher's link into the directory; None for a publisher that has none."""
        self._directory.set_link(self.slot, link)

    def take_repairs(self) -> tuple[int, int]:
        """Timestamps repaired since the last time: (backwards, ahead)."""
        stats = self._intake.stats(time.monotonic_ns())
        before, self._repairs = self._repairs, (stats.repairs_backwards, stats.repairs_ahead)
        return self._repairs[0] - before[0], self._repairs[1] - before[1]


def newest_dts_ms(reader: RingReader) -> int | None:
    _, seq = reader.head()
    try:
        return reader.entry(seq - 1).dts_us // 1000 if seq > reader.oldest_seq else None
    except Lapped:
        return None


def publisher_number(client_id: str) -> int:
    """The hexadecimal half of a client's id as the directory keeps it."""
    return int(client_id.rsplit("-", 1)[-1], 16)


def codec_word(codec: str) -> int:
    """A codec's name, at most eight letters, as one word with the first letter in the highest byte used."""
    return int.from_bytes(codec.encode("ascii", "replace")[:8], "big")
