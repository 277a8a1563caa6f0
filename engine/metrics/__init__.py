"""The catalogue: every metric with its labels and buckets. Descriptions only; nobody counts here."""

from typing import Final

from engine.metrics.counts import BucketCounts, Taken
from engine.metrics.errors import ERROR_TYPES, ERRORS
from engine.metrics.hls import HLS
from engine.metrics.hooks import HOOKS
from engine.metrics.host import HOST
from engine.metrics.logs_and_traces import LOGS_AND_TRACES
from engine.metrics.media import PLAYING, PUBLISHING
from engine.metrics.metric import LABELS, MAX_STREAMS_WITH_LABEL, METHODS, OTHER, PREFIX, Metric
from engine.metrics.outside import OUTSIDE
from engine.metrics.process import CONNECTIONS, WORKERS
from engine.metrics.srt import SRT
from engine.metrics.streams import STREAMS
from engine.metrics.table import markdown
from engine.metrics.tls import TLS
from engine.metrics.websocket import WEBSOCKET

GROUPS: Final = (
    ("Streams", STREAMS),
    ("Publishing", PUBLISHING),
    ("Playing", PLAYING),
    ("SRT", SRT),
    ("HLS", HLS),
    ("Webhooks", HOOKS),
    ("Connections and requests", CONNECTIONS),
    ("WebSocket", WEBSOCKET),
    ("TLS", TLS),
    ("The outside", OUTSIDE),
    ("Errors", ERRORS),
    ("Workers", WORKERS),
    ("The machine", HOST),
    ("Logs and traces", LOGS_AND_TRACES),
)
CATALOGUE: Final = tuple(metric for _, metrics in GROUPS for metric in metrics)
WORKER_METRICS: Final = tuple(metric for metric in CATALOGUE if metric.scope == "worker")
"""What every process builds in its metrics client."""
COLLECTOR_METRICS: Final = tuple(metric for metric in CATALOGUE if metric.scope == "collector")
"""What control reads off shared memory at each scrape."""

__all__ = [
    "CATALOGUE",
    "COLLECTOR_METRICS",
    "ERROR_TYPES",
    "GROUPS",
    "LABELS",
    "MAX_STREAMS_WITH_LABEL",
    "METHODS",
    "OTHER",
    "PREFIX",
    "WORKER_METRICS",
    "BucketCounts",
    "Metric",
    "Taken",
    "markdown",
]
