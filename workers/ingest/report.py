"""What ingest tells the metrics: events as they happen, figures once a second. Metric names stand here and
in the catalogue.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from engine.metrics.media import PUBLISHED_OVER
from workers.ingest.stream import Beginning, PublishedStream
from workers.runtime.metrics import Metrics
from workers.runtime.srt_readings import Measured, Packets

NS: float = 1e-9
FROM_NOUGHT: tuple[str, ...] = (
    "fanlight_publishes_started_total",
    "fanlight_publishes_ended_total",
    "fanlight_ring_failures_total",
)
"""Metrics that objectives watch: what they count is to be seen from the first time on."""


class Report:
    """Counts for one ingest worker."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.received_bytes: Counter[str] = Counter()  # by protocol, since the last flush
        self.received_tags: Counter[str] = Counter()
        self._processing = {
            protocol: metrics.gather("fanlight_ingest_processing_seconds", protocol=protocol)
            for protocol in PUBLISHED_OVER
        }

    @contextmanager
    def connection(self, protocol: str) -> Iterator[None]:
        """For the time of the block it is open here. It was counted as accepted where it was."""
        child = self._metrics.bind("fanlight_connections", protocol=protocol)
        child.inc()
        try:
            yield
        finally:
            child.dec()

    def started(self, protocol: str, beginning: Beginning) -> None:
        """A publisher was let in."""
        self._count("fanlight_publishes_started_total", protocol=protocol)
        if beginning is Beginning.TAKEOVER:
            self._count("fanlight_takeovers_total", protocol=protocol)
        elif beginning is Beginning.RETURN:
            self._count("fanlight_reconnects_total", protocol=protocol)
        self._metrics.bind("fanlight_publishers", protocol=protocol).inc()

    def ended(self, protocol: str, reason: str, seconds: float) -> None:
        self._count("fanlight_publishes_ended_total", protocol=protocol, reason=reason)
        self._metrics.bind("fanlight_publishers", protocol=protocol).dec()
        self._metrics.bind("fanlight_session_seconds", protocol=protocol, role="publisher").observe(seconds)

    def refused(self, protocol: str, reason: str) -> None:
        self._count("fanlight_publish_refusals_total", protocol=protocol, reason=reason)

    def processed(self, protocol: str, nanoseconds: int) -> None:
        """What was read from a publisher stands in shared memory, so long after it was read."""
        self._processing[protocol].add(nanoseconds * NS)

    def limit_broken(self, reason: str) -> None:
        """A publisher has begun to send what it may not."""
        self._count("fanlight_limits_broken_total", reason=reason)

    def protocol_error(self, protocol: str) -> None:
        self._count("fanlight_protocol_errors_total", protocol=protocol)

    def ring_failed(self, reason: str) -> None:
        self._count("fanlight_ring_failures_total", reason=reason)

    def srt_packets(self, packets: Packets) -> None:
        """What SRT connections have done since they were last asked."""
        for (direction, kind), count in packets.items():
            self._metrics.bind("fanlight_srt_packets_total", direction=direction, kind=kind).inc(count)

    def srt_measured(self, measured: Measured) -> None:
        """What one SRT connection says of its link, once a second."""
        for name, value in measured.items():
            self._metrics.bind(name, direction="in").observe(value)

    def flush(self, streams: Iterable[PublishedStream]) -> None:
        """Hand on what has gathered since the last time."""
        bind = self._metrics.bind
        for protocol, count in self.received_bytes.items():
            bind("fanlight_received_bytes_total", protocol=protocol).inc(count)
        for protocol, count in self.received_tags.items():
            bind("fanlight_received_tags_total", protocol=protocol).inc(count)
        self.received_bytes.clear()
        self.received_tags.clear()
        for stream in streams:
            backwards, ahead = stream.take_repairs()
            bind("fanlight_timestamp_repairs_total", reason="backwards").inc(backwards)
            bind("fanlight_timestamp_repairs_total", reason="ahead").inc(ahead)

    def _count(self, name: str, **labels: str) -> None:
        self._metrics.bind(name, **labels).inc()
