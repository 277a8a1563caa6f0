"""The watch-together platform's metrics, from its chapter on monitoring."""

from typing import Final

from monitoring.sources.name import Name, Source

SYNCTV: Final = Source(
    title="Watch-together platform (`synctv_*`)",
    about="Its names without prefix are the platform's too. `websocket_connections_total` is a gauge there.",
    names=(
        Name("synctv_active_rooms", (), ("fanlight_rooms",)),
        Name("synctv_active_streams", (), ("fanlight_streams",), 'fanlight_streams{state="live"}'),
        Name(
            "synctv_connected_users",
            (),
            ("fanlight_players", "fanlight_users"),
            "sum(fanlight_players)",
            "whoever watches, until there are accounts",
        ),
        Name("http_request_duration_seconds", (), ("fanlight_http_request_seconds",)),
        Name("http_requests_total", (), ("fanlight_http_requests_total",)),
        Name(
            "websocket_connections_total",
            (),
            ("fanlight_players", "fanlight_room_connections"),
            'sum(fanlight_players{protocol=~"ws-.*"})',
        ),
        Name(
            "stream_bitrate_bytes",
            (),
            ("fanlight_stream_published_bytes_per_second",),
            "sum(fanlight_stream_published_bytes_per_second)",
        ),
        Name(
            "cache_hit_rate",
            (),
            ("fanlight_hls_file_lookups_total", "fanlight_cache_lookups_total"),
            'sum(rate(fanlight_hls_file_lookups_total{result="hit"}[5m]))'
            " / sum(rate(fanlight_hls_file_lookups_total[5m]))",
        ),
        Name(
            "cache_hit_total",
            (),
            ("fanlight_hls_file_lookups_total", "fanlight_cache_lookups_total"),
            'sum(fanlight_hls_file_lookups_total{result="hit"})',
        ),
        Name(
            "cache_miss_total",
            (),
            ("fanlight_hls_file_lookups_total", "fanlight_cache_lookups_total"),
            'sum(fanlight_hls_file_lookups_total{result="miss"})',
        ),
        Name("db_connection_pool_size", (), ("fanlight_database_connections",)),
        Name("db_queries_total", (), ("fanlight_database_queries_total",)),
        Name("redis_connection_errors_total", (), ("fanlight_redis_connection_errors_total",)),
    ),
)
