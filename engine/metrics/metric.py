"""What a metric is, and what its labels may be.

Names follow Prometheus: prefix, base unit (seconds, bytes, ratio), `_total` for counters. Labels come from
small closed sets, because in multiprocess mode a label set can never be removed again: `fold` turns
anything unforeseen into `other`. The one label that comes from outside, `stream`, exists only in collector
metrics, which are made anew for each scrape, and is capped.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from types import MappingProxyType
from typing import Final, Literal

from msgspec import Struct

Kind = Literal["counter", "gauge", "histogram"]
Scope = Literal["worker", "collector"]
GaugeMode = Literal["livesum", "livemax", "livemin"]

PREFIX: Final = "fanlight_"
OTHER: Final = "other"
MAX_STREAMS_WITH_LABEL: Final = 100
"""Streams that get their own label in a scrape, those with the most players; the rest share `other`, which
has their sums, and nothing where a sum means nothing. Twice as many as may be published by default."""

LABELS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "protocol": ("rtmp", "srt", "http-flv", "ws-flv", "ws-mp4", "hls", "http", "http2"),
        "role": ("ingest", "fanout", "packager", "control"),
        "component": ("supervisor", "ingest", "fanout", "packager", "control"),
        "port": ("https", "rtmps"),
        "direction": ("in", "out"),
        "kind": (
            "data",
            "retransmitted",
            "lost",
            "recovered",
            "dropped_late",
            "duplicate",
            "reordered",
            "undecrypted",
            "refused",
            "ack",
            "nak",
        ),
        "resource": ("multivariant", "playlist", "segment", "part", "init"),
        "encryption": (
            "none",
            "AES-128-CTR",
            "AES-192-CTR",
            "AES-256-CTR",
            "AES-128-GCM",
            "AES-192-GCM",
            "AES-256-GCM",
        ),
        "action": (
            "on_publish",
            "on_unpublish",
            "on_play",
            "on_stop",
            "on_hls",
            "on_stream_live",
            "on_stream_idle",
        ),
        "state": ("live", "grace", "ended"),
        "dependency": ("hooks", "hook_decisions", "callback", "jwks", "traces"),
        "level": ("trace", "debug", "info", "warning", "error", "critical"),
        "to": ("closed", "half_open", "open"),
        "method": ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"),
    }
)
"""What a label may say wherever it occurs; `reason` and `result` differ from metric to metric, and stand
there. `status` is a number, `route` a pattern of our own routes (`/api/v1/clients/{id}`), `worker` a slot's
name, `stream` a stream's, `path` a folder of the configuration: all of them bounded by what we run, not by
what a stranger sends."""

METHODS: Final = frozenset(LABELS["method"])
"""Of requests: those that are counted by name; strangers send any word as one."""

UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "_bits_per_second": "bits per second",
        "_bytes_per_second": "bytes per second",
        "_frames_per_second": "frames per second",
        "_seconds": "seconds",
        "_bytes": "bytes",
        "_ratio": "ratio",
    }
)
"""How names end, longer endings first -> what that means."""


class Metric(Struct, frozen=True, kw_only=True):
    """One entry of the catalogue."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    """The values of its label `reason` or `result`, if it has one."""
    faults: tuple[str, ...] = ()
    """Those of `reasons` that are failures of ours, which objectives count: see `from_nought`."""
    roles: tuple[str, ...] = ()
    """The values of its label `role`, where it means clients and not workers."""
    protocols: tuple[str, ...] = ()
    """The values of its label `protocol`, where most of them cannot occur."""
    own: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """The values of other labels that mean something of their own here, label by label."""
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram's buckets, in the name's unit, without infinity."""
    scope: Scope = "worker"
    """worker: counted in each process and added up; collector: read off shared memory at each scrape."""
    gauge_mode: GaugeMode = "livesum"
    """How a worker-scope gauge comes together over processes. Only live modes: a dead worker has no state."""

    def allowed(self, label: str) -> tuple[str, ...]:
        """Values that `label` may have here; empty where it is bounded otherwise."""
        if label in ("reason", "result"):
            return self.reasons
        own = {"role": self.roles, "protocol": self.protocols, **dict(self.own)}.get(label)
        return own or LABELS.get(label, ())

    def from_nought(self) -> Iterator[dict[str, str]]:
        """The labels of those of its series that stand at 0 before anything happens.

        A series that begins with its first event does not grow by it, and rate() is blind for it: the first
        worker that dies takes a thousand players along, and none is seen. So failures of ours are there from
        the start; of everything else that would be too many.
        """
        values = (
            self.faults or self.allowed(label) if label == "reason" else self.allowed(label)
            for label in self.labels
        )
        return (dict(zip(self.labels, each, strict=True)) for each in product(*values))

    @property
    def unit(self) -> str:
        """What its values are counted in, read off its name; empty for a plain number."""
        name = self.name.removesuffix("_total")
        return next((word for ending, word in UNITS.items() if name.endswith(ending)), "")

    def fold(self, label: str, value: str) -> str:
        """Return `value` if `label` may have it, else `other`."""
        allowed = self.allowed(label)
        return value if not allowed or value in allowed else OTHER
