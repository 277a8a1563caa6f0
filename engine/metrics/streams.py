"""Metrics of single streams, read off the directory and the board at each scrape.

They live here and not in the workers' own metrics, because a label set there stays for ever and streams
come and go. A stream keeps its label as long as it is among the `MAX_STREAMS_WITH_LABEL` with the most
players.
"""

from typing import Final

from engine.metrics.media import PLAYED_OVER
from engine.metrics.metric import Metric

STREAMS: Final = (
    Metric(
        name="fanlight_streams",
        kind="gauge",
        help="Streams by state: live, in grace after their publisher vanished, or ended and still read.",
        labels=("state",),
        scope="collector",
    ),
    Metric(
        name="fanlight_streams_limit",
        kind="gauge",
        help="Streams that may be published at once.",
        scope="collector",
    ),
    Metric(
        name="fanlight_stream_published_bytes_per_second",
        kind="gauge",
        help="Bytes per second of the stream as published, over the last seconds.",
        labels=("stream",),
        scope="collector",
    ),
    Metric(
        name="fanlight_stream_frames_per_second",
        kind="gauge",
        help="Video frames per second of the stream as published.",
        labels=("stream",),
        scope="collector",
    ),
    Metric(
        name="fanlight_stream_keyframe_interval_seconds",
        kind="gauge",
        help="Time between the last two keyframes.",
        labels=("stream",),
        scope="collector",
    ),
    Metric(
        name="fanlight_stream_keyframes_total",
        kind="counter",
        help="Keyframes of the stream as published: where a player can begin.",
        labels=("stream",),
        scope="collector",
    ),
    Metric(
        name="fanlight_stream_av_gap_seconds",
        kind="gauge",
        help="How far the newest video is ahead of the newest audio, in the stream's own time; below zero if"
        " audio is ahead. It grows without end when one of them stops. 0 where there is only one.",
        labels=("stream",),
        scope="collector",
    ),
    Metric(
        name="fanlight_stream_players",
        kind="gauge",
        help="Players of the stream now, over all workers.",
        labels=("stream", "protocol"),
        protocols=PLAYED_OVER,
        scope="collector",
    ),
    Metric(
        name="fanlight_stream_lag_seconds",
        kind="gauge",
        help="Lag of the stream's slowest player.",
        labels=("stream",),
        scope="collector",
    ),
    Metric(
        name="fanlight_stream_bytes_total",
        kind="counter",
        help="Bytes of the stream: in from its publisher, out to its players.",
        labels=("stream", "direction"),
        scope="collector",
    ),
    Metric(
        name="fanlight_stream_repairs_total",
        kind="counter",
        help="Timestamps of the stream that were repaired.",
        labels=("stream",),
        scope="collector",
    ),
    Metric(
        name="fanlight_stream_ring_use_ratio",
        kind="gauge",
        help="How full the stream's ring is, of bytes or of index entries; full is where it stays.",
        labels=("stream",),
        scope="collector",
    ),
)
