"""Metrics of publishing and playing."""

from typing import Final

from engine.access.reasons import REFUSALS
from engine.metrics.buckets import JOIN_S, LAG_S, LATENCY_S, PASS_S, PROCESSING_S, SESSION_S
from engine.metrics.metric import Metric
from engine.policy.publisher_limits import REASONS

_OUR_ENDS: Final = ("worker_death", "error")
_COMMON_ENDS: Final = ("connection_lost", "protocol_error", "kicked", "drained", *_OUR_ENDS)

PUBLISHED_OVER: Final = ("rtmp", "srt")
PLAYED_OVER: Final = ("rtmp", "srt", "http-flv", "ws-flv", "ws-mp4", "hls")

PUBLISHING: Final = (
    Metric(
        name="fanlight_publishers",
        kind="gauge",
        help="Publishers connected now.",
        labels=("protocol",),
        protocols=PUBLISHED_OVER,
    ),
    Metric(
        name="fanlight_publishes_started_total",
        kind="counter",
        help="Publishers that were let in.",
        labels=("protocol",),
        protocols=PUBLISHED_OVER,
    ),
    Metric(
        name="fanlight_publishes_ended_total",
        kind="counter",
        help="Publishers that have gone, and why.",
        labels=("protocol", "reason"),
        protocols=PUBLISHED_OVER,
        reasons=(
            "finished",
            "no_first_packet",
            "idle",
            "taken_over",
            "over_limit",
            "lifetime",
            *_COMMON_ENDS,
        ),
        faults=_OUR_ENDS,
    ),
    Metric(
        name="fanlight_limits_broken_total",
        kind="counter",
        help="Times a publisher began to send more or other media than it may.",
        labels=("reason",),
        reasons=REASONS,
    ),
    Metric(
        name="fanlight_publish_refusals_total",
        kind="counter",
        help="Publishers that were not let in, and why.",
        labels=("protocol", "reason"),
        protocols=PUBLISHED_OVER,
        reasons=(
            "bad_name",
            *REFUSALS,
            "bad_secret",
            "name_taken",
            "too_many_streams",
            "no_memory",
            "no_ingest",
            "hook_unanswered",
            "address_undecided",
            "draining",
            "overloaded",
        ),
        faults=("no_memory", "no_ingest", "hook_unanswered", "overloaded"),
    ),
    Metric(
        name="fanlight_takeovers_total",
        kind="counter",
        help="Streams that went on from a second publisher while the first was still connected.",
        labels=("protocol",),
        protocols=PUBLISHED_OVER,
    ),
    Metric(
        name="fanlight_reconnects_total",
        kind="counter",
        help="Streams that went on because a publisher came back within the grace time.",
        labels=("protocol",),
        protocols=PUBLISHED_OVER,
    ),
    Metric(
        name="fanlight_received_bytes_total",
        kind="counter",
        help="Bytes read from publishers' sockets.",
        labels=("protocol",),
        protocols=PUBLISHED_OVER,
    ),
    Metric(
        name="fanlight_received_tags_total",
        kind="counter",
        help="Media tags taken from publishers and written to shared memory.",
        labels=("protocol",),
        protocols=PUBLISHED_OVER,
    ),
    Metric(
        name="fanlight_ingest_processing_seconds",
        kind="histogram",
        help="From taking a piece of a publisher's stream, off its socket or out of SRT's buffer, to its tags"
        " standing in shared memory, where players find them.",
        labels=("protocol",),
        protocols=PUBLISHED_OVER,
        buckets=PROCESSING_S,
    ),
    Metric(
        name="fanlight_timestamp_repairs_total",
        kind="counter",
        help="Publishers' timestamps that jumped and were repaired.",
        labels=("reason",),
        reasons=("backwards", "ahead"),
    ),
    Metric(
        name="fanlight_ring_failures_total",
        kind="counter",
        help="Tags that shared memory could not take: too large for the ring, no memory left, or the stream"
        " had passed to another writer.",
        labels=("reason",),
        reasons=("tag_too_large", "no_memory", "lost_ring"),
        faults=("tag_too_large", "no_memory", "lost_ring"),
    ),
)

PLAYING: Final = (
    Metric(
        name="fanlight_players",
        kind="gauge",
        help="Players connected now.",
        labels=("protocol",),
        protocols=PLAYED_OVER,
    ),
    Metric(
        name="fanlight_players_started_total",
        kind="counter",
        help="Players that were let in; of HLS, addresses with a user agent that began to ask a worker for a"
        " programme's playlists.",
        labels=("protocol",),
        protocols=PLAYED_OVER,
    ),
    Metric(
        name="fanlight_players_ended_total",
        kind="counter",
        help="Players that have gone, and why; of HLS, closed: asked for no playlist in a while,"
        " stream_ended: had fetched what was left, or no more of it.",
        labels=("protocol", "reason"),
        protocols=PLAYED_OVER,
        reasons=(
            "closed",
            "stream_ended",
            "too_slow",
            "too_many_jumps",
            "lapped",
            "overwritten",
            "banned",
            "overloaded",
            "lifetime",
            *_COMMON_ENDS,
        ),
        faults=_OUR_ENDS,
    ),
    Metric(
        name="fanlight_play_refusals_total",
        kind="counter",
        help="Players that were not let in, and why.",
        labels=("protocol", "reason"),
        protocols=PLAYED_OVER,
        reasons=(
            "bad_request",
            "bad_name",
            *REFUSALS,
            "bad_secret",
            "not_found",
            "too_many_players",
            "hook_unanswered",
            "address_undecided",
            "address_players",
            "no_memory",
            "draining",
            "overloaded",
        ),
        faults=("hook_unanswered", "no_memory", "overloaded"),
    ),
    Metric(
        name="fanlight_sent_bytes_total",
        kind="counter",
        help="Bytes that the kernel accepted for players: of HTTP/1 heads as well, of TLS what is inside; of"
        " HTTP/2 bodies, as the connection took them before its socket did; of HLS, when an answer is over.",
        labels=("protocol",),
        protocols=PLAYED_OVER,
    ),
    Metric(
        name="fanlight_sent_tags_total",
        kind="counter",
        help="Media tags that the kernel accepted whole for players.",
        labels=("protocol",),
        protocols=PLAYED_OVER,
    ),
    Metric(
        name="fanlight_dropped_tags_total",
        kind="counter",
        help="Media tags that a player was told nothing of, because it jumped over them.",
        labels=("protocol", "reason"),
        protocols=PLAYED_OVER,
        reasons=("too_slow", "waited", "new_epoch", "lapped", "left"),
        faults=("lapped",),
    ),
    Metric(
        name="fanlight_jumps_total",
        kind="counter",
        help="Times a player went on at a later start point.",
        labels=("protocol", "reason"),
        protocols=PLAYED_OVER,
        reasons=("too_slow", "waited", "new_epoch", "lapped"),
    ),
    Metric(
        name="fanlight_player_lag_seconds",
        kind="histogram",
        help="How far players are behind the newest tag, sampled; the kernel's queue is counted in.",
        labels=("protocol",),
        protocols=PLAYED_OVER,
        buckets=LAG_S,
    ),
    Metric(
        name="fanlight_delivery_latency_seconds",
        kind="histogram",
        help="From taking what a publisher sends to the player's socket, sampled once per pass. It is taken"
        " off the publisher's socket, or over SRT out of the receive buffer that holds it for srt.latency_ms"
        " (120 ms), which are not among it.",
        labels=("protocol",),
        protocols=PLAYED_OVER,
        buckets=LATENCY_S,
    ),
    Metric(
        name="fanlight_join_seconds",
        kind="histogram",
        help="From the request to play to the first start point handed to the kernel.",
        labels=("protocol",),
        protocols=PLAYED_OVER,
        buckets=JOIN_S,
    ),
    Metric(
        name="fanlight_pump_pass_seconds",
        kind="histogram",
        help="How long one walk over the players of a log takes.",
        buckets=PASS_S,
    ),
    Metric(
        name="fanlight_tick_seconds",
        kind="gauge",
        help="The time between passes that pumps have settled on now; the longest of a worker's.",
        labels=("worker",),
        gauge_mode="livemax",
    ),
    Metric(
        name="fanlight_session_seconds",
        kind="histogram",
        help="How long publishers and players stayed.",
        labels=("protocol", "role"),
        protocols=PLAYED_OVER,
        roles=("publisher", "player"),
        buckets=SESSION_S,
    ),
)
