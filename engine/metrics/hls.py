"""Metrics of HLS: what packagers make, and what is asked for."""

from typing import Final

from engine.metrics.buckets import JITTER_S, LATENCY_S
from engine.metrics.metric import Metric

PART_S: Final = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.75, 1.0, 2.0)
SEGMENT_S: Final = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 8.0, 10.0, 15.0, 20.0)

HLS: Final = (
    Metric(
        name="fanlight_hls_packages",
        kind="gauge",
        help="Streams that are being cut into segments now.",
    ),
    Metric(
        name="fanlight_hls_segment_seconds",
        kind="histogram",
        help="Media in a finished segment.",
        buckets=SEGMENT_S,
    ),
    Metric(
        name="fanlight_hls_part_seconds",
        kind="histogram",
        help="Media in a finished part.",
        buckets=PART_S,
    ),
    Metric(
        name="fanlight_hls_part_jitter_seconds",
        kind="histogram",
        help="By how much the time between the ends of two parts differs from the media in the second one.",
        buckets=JITTER_S,
    ),
    Metric(
        name="fanlight_hls_forced_cuts_total",
        kind="counter",
        help="Segments that had to end without a keyframe, because keyframes are further apart than"
        " hls.max_segment_s.",
    ),
    Metric(
        name="fanlight_hls_refused_frames_total",
        kind="counter",
        help="Frames left out of segments because their stream had changed its codecs too often just before.",
    ),
    Metric(
        name="fanlight_hls_gaps_total",
        kind="counter",
        help="Segments that are missing: there was no room for their file, or the stream's ring was"
        " faster than the packager.",
        labels=("reason",),
        reasons=("no_room", "lapped"),
    ),
    Metric(
        name="fanlight_hls_outgrown_rings_total",
        kind="counter",
        help="Segments at whose end the playlist listed more parts than hls.ring_bytes keeps: players get 404"
        " for the oldest.",
    ),
    Metric(
        name="fanlight_hls_failures_total",
        kind="counter",
        help="Packages that could not be begun, or broke.",
        labels=("reason",),
        reasons=("no_memory", "too_many_streams", "error"),
    ),
    Metric(
        name="fanlight_hls_folder_bytes",
        kind="gauge",
        help="Bytes of segments in the folder on tmpfs.",
    ),
    Metric(
        name="fanlight_hls_open_files",
        kind="gauge",
        help="Segment files that fanout workers keep open for the next player.",
    ),
    Metric(
        name="fanlight_hls_file_lookups_total",
        kind="counter",
        help="Requests for segment files that were open already (hit), or had to be opened (miss).",
        labels=("result",),
        reasons=("hit", "miss"),
    ),
    Metric(
        name="fanlight_hls_files_closed_total",
        kind="counter",
        help="Open segment files that were closed: to make room, because the file is deleted, or because"
        " nobody asked for it any more.",
        labels=("reason",),
        reasons=("full", "deleted", "idle"),
    ),
    Metric(
        name="fanlight_hls_requests_total",
        kind="counter",
        help="Answers to requests of HLS players.",
        labels=("resource", "status"),
    ),
    Metric(
        name="fanlight_hls_blocked_reloads",
        kind="gauge",
        help="Requests that wait for a part that is not there yet.",
    ),
    Metric(
        name="fanlight_hls_refused_holds_total",
        kind="counter",
        help="Requests that were answered 503 instead of being held, because too many of one address wait"
        " already, or of all in one worker.",
        labels=("reason",),
        reasons=("address", "worker"),
    ),
    Metric(
        name="fanlight_hls_reload_lateness_seconds",
        kind="histogram",
        help="From the end of a part to the moment a reload that waited for it was answered.",
        buckets=LATENCY_S,
    ),
)
