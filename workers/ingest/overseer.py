"""Holds one publisher to its limits: those of its stream's path, those of the key that let it in, and the
bitrate that a service has set. The strictest of each kind counts; what becomes of it is the path's affair.

Asked twice a second by the role's rounds, and at once when codec headers change, so that a codec that is not
allowed is gone before its pictures are there.

Between two looks nothing is counted: the streams' own figures say what came, and the session's how much.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import trio
from structlog.typing import FilteringBoundLogger

from engine.config import PathSettings
from engine.config.media_limits import MediaLimits
from engine.media.codec_words import codecs_of
from engine.media.survey import IntakeStats
from engine.policy.publisher_judge import PublisherJudge, Sample
from engine.policy.publisher_limits import REASONS, Breach, PublisherLimits, strictest
from engine.policy.video_judge import VideoSample
from engine.protocols.srt.rejections import Rejection
from workers.ingest.report import Report
from workers.ingest.stream import PublishedStream

OVER_LIMIT: str = "over_limit"
"""Why such a session ends, in logs and counters; which limit it was has a counter and a line of its own."""

REJECTED: str = "NetStream.Publish.Rejected"
TIME_IS_UP: str = "NetStream.Unpublish.Success"
"""Status codes of RTMP for an end by a limit: the one level "error", the other an ordinary end."""


class Overseen(NamedTuple):
    """A publisher, as far as its overseer cares."""

    client_id: str
    protocol: str
    key_id: str = ""
    """Of what let it in."""
    max_bitrate_bps: int = 0
    """What a service lets it send; 0 for no limit."""


class Overseer:
    """Oversees one session.

    Args:
        stream: the session's own.
        tracks: the streams of its further video tracks, as they are when asked.
        received_bytes: how much it has sent in this session, whatever that was.
        overseen: its publisher.
        log, report: hear of each limit when it begins to be broken.
    """

    def __init__(
        self,
        stream: PublishedStream,
        tracks: Iterable[PublishedStream],
        received_bytes: Callable[[], int],
        overseen: Overseen,
        log: FilteringBoundLogger,
        report: Report,
    ) -> None:
        self._stream = stream
        self._tracks = tracks
        self._received_bytes = received_bytes
        self._overseen = overseen
        self._log = log
        self._report = report
        self._began_s = trio.current_time()
        self._settings = stream.settings
        self._judge = self._new_judge(limits_of(stream.settings, overseen))
        self._headers_version = stream.headers_version

    def headers_changed(self) -> bool:
        """Whether there is something new to look at, between two rounds."""
        before, self._headers_version = self._headers_version, self._stream.headers_version
        return before != self._headers_version

    def look(self) -> Breach | None:
        """Judge the publisher; the limit for which its session has to end, if there is one."""
        self._follow_settings()
        if not self._judge.limits.any:
            return None
        ends = self._stream.settings.limits.over_limit == "end"
        broken = self._judge.judge(self._sample(), trio.current_time())
        self._stream.show_limits(bits_of(self._judge.broken))
        for breach in broken:
            self._tell(breach, ends=ends)
        return broken[0] if broken and ends else None

    def _follow_settings(self) -> None:
        """Limits may have been loaded anew; what is measured over time is then measured from now on."""
        if self._settings is not self._stream.settings:
            self._settings = self._stream.settings
            limits = limits_of(self._settings, self._overseen)
            if limits != self._judge.limits:
                self._judge = self._new_judge(limits)
                self._stream.show_limits(0)

    def _new_judge(self, limits: PublisherLimits) -> PublisherJudge:
        return PublisherJudge(limits, self._sample(), trio.current_time(), self._began_s)

    def _tell(self, breach: Breach, *, ends: bool) -> None:
        self._report.limit_broken(breach.reason)
        self._log.warning(
            "limit_broken",
            conn=self._overseen.client_id,
            stream=self._stream.name,
            protocol=self._overseen.protocol,
            key=self._overseen.key_id,
            limit=breach.reason,
            why=breach.text,
            ends=ends,
        )

    def _sample(self) -> Sample:
        stats = self._stream.measured()
        further = {track.name: video_sample(track.measured()) for track in self._tracks}
        return Sample(
            received_bytes=self._received_bytes(),
            audio_tags=stats.audio_tags,
            audio_codec=stats.audio.codec,
            video={self._stream.name: video_sample(stats)} | further,
        )


def video_sample(stats: IntakeStats) -> VideoSample:
    """A stream's picture as a judge wants it."""
    sized = stats.size_is_known
    return VideoSample(
        frames=stats.frames,
        keyframes=stats.keyframes,
        tags=stats.video_tags,
        keyframe_interval_ms=stats.keyframe_interval_ms,
        keyframe_age_ms=stats.keyframe_age_ms,
        width=stats.video.width if sized else 0,
        height=stats.video.height if sized else 0,
        codec=stats.video.codec,
    )


def limits_of(settings: PathSettings, overseen: Overseen) -> PublisherLimits:
    """All that holds for a publisher of a stream with these settings."""
    limits, of_service = settings.limits, PublisherLimits(max_bitrate_bps=overseen.max_bitrate_bps)
    of_key = limits.key_limits.of(overseen.key_id)
    return strictest(limits.limit_window_s, *map(bounds_of, (limits, of_key)), of_service)


def bounds_of(limits: MediaLimits) -> PublisherLimits:
    """Configured limits as a judge wants them."""
    width, height = limits.max_width, limits.max_height
    return PublisherLimits(
        max_bitrate_bps=limits.max_bitrate_bps,
        max_frame_rate=limits.max_frame_rate,
        max_sizes=((width, height),) if width or height else (),
        max_keyframe_interval_s=limits.max_keyframe_interval_s,
        codecs=codecs_of(limits.allowed_codecs) or None,
        max_session_s=limits.max_session_s,
    )


def bits_of(broken: tuple[str, ...]) -> int:
    """Limits as the directory keeps them."""
    return sum(1 << REASONS.index(reason) for reason in REASONS if reason in broken)


def rtmp_status(breach: Breach) -> str:
    """What an RTMP publisher hears."""
    return TIME_IS_UP if breach.reason == "session_length" else REJECTED


def srt_reason(breach: Breach) -> int:
    """What an SRT publisher hears: the shared codes that handshakes are refused with, in its shutdown."""
    if breach.reason == "session_length":
        return Rejection.FORBIDDEN
    return Rejection.MEDIA_NOT_SUPPORTED if breach.reason == "codec" else Rejection.UNACCEPTABLE
