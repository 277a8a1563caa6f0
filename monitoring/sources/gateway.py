"""The video gateway's metrics, from its plan for monitoring; its names have no prefix."""

from typing import Final

from monitoring.sources.name import Name, Source

_OF_STREAM: Final = ("protocol", "stream_name")

GATEWAY: Final = Source(
    title="Video gateway (plain names)",
    about="Counters of its streams have the stream's name as a label. A label set of a counter can never be"
    " removed again, so ours of that kind are by protocol, and what there is by stream is read off shared"
    " memory at each scrape, for the most watched. Quantiles of its summaries are recording rules over our"
    " histograms.",
    names=(
        Name("http_requests_total", ("method", "path", "status"), ("fanlight_http_requests_total",)),
        Name("stream_started_total", _OF_STREAM, ("fanlight_publishes_started_total",)),
        Name("stream_stopped_total", (*_OF_STREAM, "reason"), ("fanlight_publishes_ended_total",)),
        Name(
            "errors_total", ("type", "component"), ("fanlight_errors_total", "fanlight_protocol_errors_total")
        ),
        Name("packets_sent_total", _OF_STREAM, ("fanlight_sent_tags_total", "fanlight_srt_packets_total")),
        Name(
            "packets_received_total",
            _OF_STREAM,
            ("fanlight_received_tags_total", "fanlight_srt_packets_total"),
        ),
        Name(
            "packets_lost_total",
            _OF_STREAM,
            ("fanlight_srt_packets_total", "fanlight_stream_srt_packets_total"),
            'sum by (direction) (fanlight_srt_packets_total{kind="lost"})',
        ),
        Name("bytes_sent_total", _OF_STREAM, ("fanlight_sent_bytes_total", "fanlight_stream_bytes_total")),
        Name(
            "bytes_received_total",
            _OF_STREAM,
            ("fanlight_received_bytes_total", "fanlight_stream_bytes_total"),
        ),
        Name("active_connections", ("protocol",), ("fanlight_connections", "fanlight_players")),
        Name("active_streams", ("protocol",), ("fanlight_publishers",), note="a stream has one publisher"),
        Name(
            "memory_usage_bytes",
            ("type",),
            ("fanlight_worker_memory_bytes",),
            "sum by (type) (fanlight_worker_memory_bytes)",
        ),
        Name("memory_total_bytes", (), ("fanlight_host_memory_bytes", "fanlight_host_memory_ratio")),
        Name("cpu_usage_ratio", (), ("fanlight_host_cpu_ratio", "fanlight_worker_cpu_seconds_total")),
        Name("disk_usage_ratio", ("path",), ("fanlight_host_disk_ratio",)),
        Name(
            "buffer_size",
            ("type", "stream_name"),
            (
                "fanlight_stream_ring_use_ratio",
                "fanlight_shared_memory_bytes",
                "fanlight_stream_srt_buffer_seconds",
            ),
        ),
        Name("http_request_duration_seconds", ("method", "path"), ("fanlight_http_request_seconds",)),
        Name("stream_processing_duration_seconds", ("protocol",), ("fanlight_ingest_processing_seconds",)),
        Name("packet_latency_seconds", ("protocol",), ("fanlight_delivery_latency_seconds",)),
        Name(
            "rtt_seconds",
            _OF_STREAM,
            ("fanlight_srt_rtt_seconds", "fanlight_stream_srt_rtt_seconds"),
            "histogram_quantile(0.99, sum by (le) (rate(fanlight_srt_rtt_seconds_bucket[5m])))",
        ),
        Name(
            "bandwidth_mbps",
            _OF_STREAM,
            ("fanlight_srt_bandwidth_bits_per_second", "fanlight_stream_srt_bandwidth_bytes_per_second"),
            "histogram_quantile(0.5, sum by (le)"
            " (rate(fanlight_srt_bandwidth_bits_per_second_bucket[5m]))) / 1e6",
        ),
    ),
)
