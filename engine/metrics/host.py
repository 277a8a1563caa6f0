"""Metrics of the machine (of the container, where there is one): read by control alone.

They are counted in control's own files all the same, so that counters go on when control is replaced; but for
those of folders, which come and go with the configuration.
"""

from typing import Final

from engine.metrics.metric import Metric

_STALLED: Final = (("resource", ("cpu", "memory", "io")), ("share", ("some", "full")))
_DIRECTIONS: Final = (("direction", ("read", "written")),)

HOST: Final = (
    Metric(
        name="fanlight_host_cpu_ratio",
        kind="gauge",
        help="Share of the machine's processor time that is in use, over the last seconds.",
        gauge_mode="livemax",
    ),
    Metric(
        name="fanlight_host_memory_ratio",
        kind="gauge",
        help="Share of the machine's memory that is not to be had.",
        gauge_mode="livemax",
    ),
    Metric(
        name="fanlight_host_memory_bytes",
        kind="gauge",
        help="The machine's memory.",
        gauge_mode="livemax",
    ),
    Metric(
        name="fanlight_cgroup_cpu_ratio",
        kind="gauge",
        help="Share that is used of the processor time that the engine's control group may have, over the"
        " last seconds; not there without such a bound.",
        gauge_mode="livemax",
    ),
    Metric(
        name="fanlight_cgroup_memory_ratio",
        kind="gauge",
        help="Share that is used of the memory that the engine's control group may have; not there without"
        " such a bound.",
        gauge_mode="livemax",
    ),
    Metric(
        name="fanlight_host_disk_ratio",
        kind="gauge",
        help="Share of the file system under a folder that the engine uses that is full, or rather not to be"
        " had for us: the root's, and that of segments, of the webhooks' spool and of the log's file.",
        labels=("path",),
        scope="collector",
    ),
    Metric(
        name="fanlight_host_disk_bytes_total",
        kind="counter",
        help="Bytes that the machine's disks have read and written since the engine began.",
        labels=("direction",),
        own=_DIRECTIONS,
    ),
    Metric(
        name="fanlight_host_network_bytes_total",
        kind="counter",
        help="Bytes over all network interfaces but the loopback since the engine began.",
        labels=("direction",),
    ),
    Metric(
        name="fanlight_host_network_drops_total",
        kind="counter",
        help="Packets that network interfaces have dropped since the engine began.",
        labels=("direction",),
    ),
    Metric(
        name="fanlight_host_pressure_ratio",
        kind="gauge",
        help="Share of the last 10 s in which some or all tasks of the machine were stalled for want of a"
        " resource. Not there where the kernel does not say.",
        labels=("resource", "share"),
        own=_STALLED,
        gauge_mode="livemax",
    ),
    Metric(
        name="fanlight_host_pressure_seconds_total",
        kind="counter",
        help="Time in which some or all tasks of the machine were stalled for want of a resource, since the"
        " engine began. Not there where the kernel does not say.",
        labels=("resource", "share"),
        own=_STALLED,
    ),
)
