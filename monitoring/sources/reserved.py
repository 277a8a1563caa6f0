"""Names that wait for their subjects: rooms, database, Redis, RTSP, WebRTC, storage.

Nothing here is exported: a series that is always empty looks like a figure that is always zero. The name is
kept free, so that dashboards drawn today fit what comes.
"""

from typing import Final

from monitoring.sources.name import Reserved

ROOMS: Final = (
    Reserved(
        name="fanlight_rooms",
        kind="gauge",
        help="Rooms with somebody in them.",
        panels=("rooms: rooms",),
    ),
    Reserved(
        name="fanlight_users",
        kind="gauge",
        help="Users with an account who are connected.",
        panels=("rooms: users",),
    ),
    Reserved(
        name="fanlight_room_connections",
        kind="gauge",
        help="WebSocket connections of rooms.",
        panels=("rooms: users",),
    ),
    Reserved(
        name="fanlight_room_messages_total",
        kind="counter",
        help="Messages of rooms.",
        labels=("type", "direction"),
        panels=("rooms: messages",),
    ),
    Reserved(
        name="fanlight_cache_lookups_total",
        kind="counter",
        help="Lookups in caches of room data: hit or miss.",
        labels=("cache", "result"),
        panels=("rooms: cache hit ratio",),
    ),
)
DATA: Final = (
    Reserved(
        name="fanlight_database_connections",
        kind="gauge",
        help="Connections of the database's pool.",
        labels=("state",),
        panels=("rooms: database pool",),
    ),
    Reserved(
        name="fanlight_database_queries_total",
        kind="counter",
        help="Queries of the database.",
        labels=("result",),
        panels=("rooms: queries",),
    ),
    Reserved(
        name="fanlight_database_query_seconds",
        kind="histogram",
        help="How long queries took.",
        panels=("rooms: queries, P95",),
    ),
    Reserved(
        name="fanlight_redis_connection_errors_total",
        kind="counter",
        help="Connections to Redis that failed.",
        panels=("rooms: errors of Redis",),
    ),
)
RTSP: Final = (
    Reserved(
        name="fanlight_rtsp_request_seconds",
        kind="histogram",
        help="How long RTSP requests took.",
        labels=("method",),
        panels=("RTSP: P99 of requests",),
    ),
    Reserved(
        name="fanlight_rtsp_packets_total",
        kind="counter",
        help="RTP packets of RTSP connections.",
        labels=("direction", "kind"),
        panels=("RTSP: loss", "RTSP: bandwidth"),
    ),
)
WEBRTC: Final = (
    Reserved(
        name="fanlight_ice_connections",
        kind="gauge",
        help="WebRTC sessions by the state of their ICE connection.",
        labels=("state",),
        panels=("WebRTC: ICE states",),
    ),
    Reserved(
        name="fanlight_ice_candidates_total",
        kind="counter",
        help="ICE candidates taken, and refused beyond the limit.",
        labels=("result",),
        panels=("WebRTC: candidates",),
    ),
    Reserved(
        name="fanlight_ice_connection_seconds",
        kind="histogram",
        help="From the offer to a connection: buckets of 0.1 s, twice as much each, up to 12.8 s.",
        panels=("WebRTC: time to connect",),
    ),
    Reserved(
        name="fanlight_stream_webrtc_loss_ratio",
        kind="gauge",
        help="Share of a WebRTC publisher's packets that did not come.",
        labels=("stream",),
        panels=("WebRTC: loss",),
    ),
    Reserved(
        name="fanlight_stream_webrtc_rtt_seconds",
        kind="gauge",
        help="Round trip to a WebRTC publisher.",
        labels=("stream",),
        panels=("WebRTC: round trip",),
    ),
    Reserved(
        name="fanlight_stream_webrtc_jitter_seconds",
        kind="gauge",
        help="Jitter of a WebRTC publisher's packets.",
        labels=("stream",),
        panels=("WebRTC: jitter",),
    ),
)
STORAGE: Final = (
    Reserved(
        name="fanlight_recording_bytes_total",
        kind="counter",
        help="Bytes of recordings written and read.",
        labels=("direction",),
        panels=("storage: write rate", "storage: read rate"),
    ),
    Reserved(
        name="fanlight_recording_seconds",
        kind="histogram",
        help="How long reads and writes of recordings took.",
        labels=("direction",),
        panels=("storage: latency",),
    ),
    Reserved(
        name="fanlight_snapshots_total",
        kind="counter",
        help="Stills taken.",
        labels=("result",),
        panels=("storage: snapshots",),
    ),
)

RESERVED: Final = (
    ("Rooms", ROOMS),
    ("Database and Redis", DATA),
    ("RTSP", RTSP),
    ("WebRTC", WEBRTC),
    ("Storage", STORAGE),
)
"""By subject."""
