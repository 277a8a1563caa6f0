"""Streams as the API shows them, from the directory and the board. Nobody is asked: this cannot wait."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from msgspec import convert

from engine.media.describe import codec_name
from engine.policy.publisher_limits import REASONS
from shm.directory import StreamRecord, StreamState, StreamStats
from workers.control import models
from workers.control.tally import Tally, Totals
from workers.runtime.link_figures import received_figures
from workers.runtime.slots import INGEST, WorkerSlot, of_role

NS_PER_S: Final = 1_000_000_000
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
STATES: Final[dict[StreamState, models.StreamState]] = {
    StreamState.LIVE: "live",
    StreamState.GRACE: "grace",
    StreamState.ENDED: "ended",
}


class Records(Protocol):
    """The part of the directory that is read here."""

    def find(self, name: str) -> StreamRecord | None: ...

    def all(self) -> list[StreamRecord]: ...


class Streams:
    """All streams. `now_ns` arguments are monotonic."""

    def __init__(self, directory: Records, tally: Tally, slots: Sequence[WorkerSlot]) -> None:
        self._directory = directory
        self._tally = tally
        self._ingests = [slot.name for slot in of_role(slots, INGEST)]

    def all(self, now_ns: int) -> list[models.Stream]:
        """Every stream, by name."""
        records = sorted(self._directory.all(), key=lambda record: record.name)
        return [self._shown(record, now_ns) for record in records]

    def find(self, name: str, now_ns: int) -> models.Stream | None:
        """The stream of that name."""
        record = self._directory.find(name)
        return self._shown(record, now_ns) if record else None

    def _shown(self, record: StreamRecord, now_ns: int) -> models.Stream:
        stats, totals = record.stats, self._tally.of(record)
        ingest = self._ingests[record.ingest % len(self._ingests)]
        return models.Stream(
            name=record.name,
            state=STATES[record.state],
            publisher=_publisher(record, ingest),
            ingest=ingest,
            video=_video(stats),
            audio=models.Audio(codec=codec_name(stats.audio_codec)) if stats.audio_codec else None,
            bitrate_bps=stats.bitrate_bps,
            players=_players(totals),
            bytes_in=stats.bytes_in,
            bytes_out=totals.bytes_out,
            tags_in=stats.tags_in,
            keyframes=stats.keyframes,
            repairs=stats.repairs,
            jumps=totals.jumps,
            lag_ms_max=totals.lag_ms_max,
            reconnects=stats.reconnects,
            takeovers=stats.takeovers,
            started_at=wall_time(record.started_ns),
            state_for_s=_seconds(now_ns - record.state_since_ns),
            last_tag_age_s=_seconds(now_ns - stats.last_tag_ns) if stats.last_tag_ns else None,
            epoch=record.epoch,
            over_limits=[reason for bit, reason in enumerate(REASONS) if stats.broken_limits >> bit & 1],
            link=_link(record),
        )


def wall_time(ns: int) -> datetime:
    """A time of day from `time.time_ns()`, in whole milliseconds."""
    return EPOCH + timedelta(milliseconds=ns // 1_000_000)


def _publisher(record: StreamRecord, ingest: str) -> str | None:
    if record.state is not StreamState.LIVE or not record.stats.publisher_id:
        return None
    return f"{ingest}-{record.stats.publisher_id:012x}"


def _link(record: StreamRecord) -> models.Link | None:
    if record.state is not StreamState.LIVE or record.link is None:
        return None
    return convert(received_figures(record.link), models.Link)


def _video(stats: StreamStats) -> models.Video | None:
    if not stats.video_codec:
        return None
    return models.Video(
        codec=codec_name(stats.video_codec),
        width=stats.width or None,
        height=stats.height or None,
        fps=stats.video_fps_milli / 1000,
        keyframe_interval_s=stats.keyframe_interval_ms / 1000 if stats.keyframe_interval_ms else None,
    )


def _players(totals: Totals) -> models.Players:
    return models.Players(
        http_flv=totals.http_flv,
        ws_flv=totals.ws_flv,
        rtmp=totals.rtmp,
        srt=totals.srt,
        ws_mp4=totals.ws_mp4,
        hls=totals.hls,
        total=totals.players,
    )


def _seconds(ns: int) -> float:
    return round(max(0, ns) / NS_PER_S, 3)
