"""The WebRTC media service's metrics, from its report on hardening."""

from typing import Final

from monitoring.sources.name import Name, Source

MEDIA: Final = Source(
    title="WebRTC media service (`media_*`)",
    about="Its labels `device_id` and `session_id` have no end; ours are by protocol, and by stream for the"
    " most watched. Milliseconds are seconds here.",
    names=(
        Name(
            "media_active_sessions",
            (),
            ("fanlight_publishers", "fanlight_players"),
            "sum(fanlight_publishers) + sum(fanlight_players)",
        ),
        Name(
            "media_sessions_created_total",
            ("device_id",),
            ("fanlight_publishes_started_total", "fanlight_players_started_total"),
        ),
        Name(
            "media_sessions_closed_total",
            ("device_id", "reason"),
            ("fanlight_publishes_ended_total", "fanlight_players_ended_total"),
        ),
        Name("media_session_duration_seconds", ("device_id",), ("fanlight_session_seconds",)),
        Name("media_ice_connection_state", ("session_id", "state"), ("fanlight_ice_connections",)),
        Name("media_ice_candidates_added_total", ("session_id",), ("fanlight_ice_candidates_total",)),
        Name("media_ice_connection_time_milliseconds", ("session_id",), ("fanlight_ice_connection_seconds",)),
        Name("media_video_frame_rate", ("session_id",), ("fanlight_stream_frames_per_second",)),
        Name(
            "media_video_bitrate_bps",
            ("session_id",),
            ("fanlight_stream_published_bytes_per_second",),
            "8 * fanlight_stream_published_bytes_per_second",
        ),
        Name(
            "media_packet_loss_ratio",
            ("session_id",),
            ("fanlight_stream_srt_loss_ratio", "fanlight_stream_webrtc_loss_ratio"),
        ),
        Name(
            "media_rtt_milliseconds",
            ("session_id",),
            ("fanlight_stream_srt_rtt_seconds", "fanlight_stream_webrtc_rtt_seconds"),
            "1000 * fanlight_stream_srt_rtt_seconds",
        ),
        Name(
            "media_jitter_milliseconds",
            ("session_id",),
            ("fanlight_stream_srt_rtt_variation_seconds", "fanlight_stream_webrtc_jitter_seconds"),
            "1000 * fanlight_stream_srt_rtt_variation_seconds",
        ),
        Name(
            "media_websocket_connections",
            (),
            ("fanlight_players", "fanlight_room_connections"),
            'sum(fanlight_players{protocol=~"ws-.*"})',
        ),
        Name("media_websocket_messages_total", ("type", "direction"), ("fanlight_websocket_messages_total",)),
        Name("media_websocket_message_size_bytes", ("type",), ("fanlight_websocket_message_bytes",)),
        Name("media_http_requests_total", ("method", "path", "status"), ("fanlight_http_requests_total",)),
        Name("media_http_duration_seconds", ("method", "path"), ("fanlight_http_request_seconds",)),
        Name("media_http_requests_in_flight", (), ("fanlight_http_requests_in_flight",)),
        Name(
            "media_memory_usage_bytes",
            (),
            ("fanlight_worker_memory_bytes", "fanlight_worker_resident_bytes"),
            "sum(fanlight_worker_memory_bytes)",
        ),
        Name(
            "media_memory_heap_alloc_bytes",
            (),
            ("fanlight_worker_memory_bytes",),
            'sum(fanlight_worker_memory_bytes{type="heap"})',
        ),
        Name(
            "media_memory_heap_sys_bytes",
            (),
            ("fanlight_worker_private_bytes",),
            "sum(fanlight_worker_private_bytes)",
        ),
        Name("media_goroutine_count", (), ("fanlight_worker_tasks",), "sum(fanlight_worker_tasks)"),
        Name("media_goroutine_count_max", (), ("fanlight_worker_tasks_max",)),
        Name(
            "media_potential_goroutine_leak",
            (),
            ("fanlight_leak_suspected",),
            'max(fanlight_leak_suspected{reason="tasks"})',
        ),
        Name("media_cpu_usage_ratio", (), ("fanlight_host_cpu_ratio", "fanlight_worker_cpu_seconds_total")),
        Name(
            "media_errors_total",
            ("type", "operation"),
            ("fanlight_errors_total", "fanlight_protocol_errors_total"),
        ),
    ),
)
