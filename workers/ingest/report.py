"""What ingest tells the metrics: events as they happen, figures once a second. Metric names stand here and
in the catalogue.
"""

from collections.abc import Iterable

from workers.ingest.stream import PublishedStream
from workers.runtime.metrics import Metrics


class Report:
    """Counts for one ingest worker."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.received_bytes = 0
        self.received_tags = 0

    def started(self, protocol: str) -> None:
        self._count("fanlight_publishes_started_total", protocol=protocol)
        self._metrics.bind("fanlight_publishers", protocol=protocol).inc()

    def ended(self, protocol: str, reason: str, seconds: float) -> None:
        self._count("fanlight_publishes_ended_total", protocol=protocol, reason=reason)
        self._metrics.bind("fanlight_publishers", protocol=protocol).dec()
        self._metrics.bind("fanlight_session_seconds", protocol=protocol, role="publisher").observe(seconds)

    def refused(self, protocol: str, reason: str) -> None:
        self._count("fanlight_publish_refusals_total", protocol=protocol, reason=reason)

    def took_over(self, protocol: str) -> None:
        self._count("fanlight_takeovers_total", protocol=protocol)

    def reconnected(self, protocol: str) -> None:
        self._count("fanlight_reconnects_total", protocol=protocol)

    def protocol_error(self, protocol: str) -> None:
        self._count("fanlight_protocol_errors_total", protocol=protocol)

    def ring_failed(self, reason: str) -> None:
        self._count("fanlight_ring_failures_total", reason=reason)

    def flush(self, streams: Iterable[PublishedStream]) -> None:
        """Hand on what has gathered since the last time."""
        bind = self._metrics.bind
        bind("fanlight_received_bytes_total", protocol="rtmp").inc(self.received_bytes)
        bind("fanlight_received_tags_total", protocol="rtmp").inc(self.received_tags)
        self.received_bytes = self.received_tags = 0
        for stream in streams:
            backwards, ahead = stream.take_repairs()
            bind("fanlight_timestamp_repairs_total", reason="backwards").inc(backwards)
            bind("fanlight_timestamp_repairs_total", reason="ahead").inc(ahead)

    def _count(self, name: str, **labels: str) -> None:
        self._metrics.bind(name, **labels).inc()
