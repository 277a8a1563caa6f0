"""/metrics: what all processes have counted, and what shared memory says, as Prometheus text.

Nothing is kept between scrapes but how lines begin, so a stream that has gone leaves no label behind. Made in
a thread: it takes some 5 ms.
"""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from engine.metrics import COLLECTOR_METRICS, MAX_STREAMS_WITH_LABEL, OTHER
from workers.control.link_families import add_link, add_link_sums
from workers.control.process_files import counted
from workers.control.prometheus_text import Family
from workers.control.snapshot import MemoryByType, Snapshot, StreamFigures, WorkerFigures
from workers.control.streams import STATES

Families: TypeAlias = dict[str, Family]
"""By name."""
_OURS: Final = frozenset(metric.name for metric in COLLECTOR_METRICS)


def render(snapshot: Snapshot, metrics_directory: str | os.PathLike[str]) -> bytes:
    """The whole text. Blocks; run it in a thread."""
    # What is read off shared memory is told from there alone, whatever a process has counted.
    told = [family for family in counted(metrics_directory) if family.name not in _OURS]
    return "".join(family.text() for family in (*told, *_shared_memory(snapshot))).encode()


def _shared_memory(snapshot: Snapshot) -> Iterable[Family]:
    """Collector metrics of the catalogue, from one snapshot."""
    families = {
        metric.name: Family(metric.name, metric.kind, metric.help, metric.labels)
        for metric in COLLECTOR_METRICS
    }
    _add_engine(families, snapshot)
    _add_workers(families, snapshot.workers)
    _add_memory(families, snapshot.memory)
    for folder, used in snapshot.disks.items():
        families["fanlight_host_disk_ratio"].add_metric([folder], used)
    _add_breakers(families, snapshot.breakers)
    named, rest = split(snapshot.streams)
    for name, streams in named.items():
        _add_sums(families, name, streams)
        _add_singular(families, max(streams, key=_started))
    if rest:
        _add_sums(families, OTHER, rest)
    return families.values()


def split(
    streams: Iterable[StreamFigures], most: int = MAX_STREAMS_WITH_LABEL
) -> tuple[dict[str, list[StreamFigures]], list[StreamFigures]]:
    """Those that get a label of their own, by name, and the rest: the most watched first, then the oldest.

    A name has several streams while one that has ended is still read and the next one is there already.
    """
    by_name: dict[str, list[StreamFigures]] = {}
    for figures in sorted(streams, key=lambda figures: (-figures.totals.players, _started(figures))):
        by_name.setdefault(figures.record.name, []).append(figures)
    ranked = list(by_name.items())
    return dict(ranked[:most]), [figures for _, group in ranked[most:] for figures in group]


def _started(figures: StreamFigures) -> int:
    return figures.record.started_ns


def _add_engine(families: Families, snapshot: Snapshot) -> None:
    states = Counter(figures.record.state for figures in snapshot.streams)
    for state, word in STATES.items():
        families["fanlight_streams"].add_metric([word], states[state])
    families["fanlight_streams_limit"].add_metric([], snapshot.streams_limit)
    families["fanlight_shared_memory_bytes"].add_metric([], snapshot.shared_memory_bytes)
    families["fanlight_build_info"].add_metric([snapshot.version], 1)


def _add_memory(families: Families, memory: MemoryByType) -> None:
    for worker, types in memory.items():
        for kind, size in types.items():
            families["fanlight_worker_memory_bytes"].add_metric([worker, kind], size)


def _add_breakers(families: Families, breakers: Mapping[str, int]) -> None:
    for dependency, state in breakers.items():
        families["fanlight_breaker_state"].add_metric([dependency], state)


def _add_workers(families: Families, workers: Iterable[WorkerFigures]) -> None:
    for worker, up in workers:
        families["fanlight_worker_up"].add_metric([worker.name, worker.role], int(up))
        families["fanlight_worker_loop_lag_seconds"].add_metric([worker.name], worker.loop_lag_ms / 1000)
        families["fanlight_worker_resident_bytes"].add_metric([worker.name], worker.rss_bytes)
        families["fanlight_worker_overload_level"].add_metric([worker.name], worker.overload)
        if worker.heartbeat_age_s is not None:
            families["fanlight_worker_heartbeat_age_seconds"].add_metric(
                [worker.name], worker.heartbeat_age_s
            )


def _add_sums(families: Families, label: str, streams: Sequence[StreamFigures]) -> None:
    """What can be added up over streams."""
    totals, stats = [figures.totals for figures in streams], [figures.record.stats for figures in streams]
    families["fanlight_stream_published_bytes_per_second"].add_metric(
        [label], sum(s.bitrate_bps for s in stats) / 8
    )
    families["fanlight_stream_repairs_total"].add_metric([label], sum(s.repairs for s in stats))
    families["fanlight_stream_keyframes_total"].add_metric([label], sum(s.keyframes for s in stats))
    moved = families["fanlight_stream_bytes_total"]
    moved.add_metric([label, "in"], sum(s.bytes_in for s in stats))
    moved.add_metric([label, "out"], sum(t.bytes_out for t in totals))
    players = families["fanlight_stream_players"]
    players.add_metric([label, "http-flv"], sum(t.http_flv for t in totals))
    players.add_metric([label, "ws-flv"], sum(t.ws_flv for t in totals))
    players.add_metric([label, "rtmp"], sum(t.rtmp for t in totals))
    players.add_metric([label, "srt"], sum(t.srt for t in totals))
    players.add_metric([label, "ws-mp4"], sum(t.ws_mp4 for t in totals))
    players.add_metric([label, "hls"], sum(t.hls for t in totals))
    links = (figures.record.link for figures in streams)
    add_link_sums(families, label, [link for link in links if link is not None])


def _add_singular(families: Families, figures: StreamFigures) -> None:
    """What means nothing for several streams together."""
    label, stats = [figures.record.name], figures.record.stats
    families["fanlight_stream_frames_per_second"].add_metric(label, stats.video_fps_milli / 1000)
    families["fanlight_stream_keyframe_interval_seconds"].add_metric(label, stats.keyframe_interval_ms / 1000)
    av_gap_ms = stats.video_ahead_ms - stats.audio_ahead_ms
    families["fanlight_stream_av_gap_seconds"].add_metric(label, av_gap_ms / 1000)
    families["fanlight_stream_lag_seconds"].add_metric(label, figures.totals.lag_ms_max / 1000)
    families["fanlight_stream_ring_use_ratio"].add_metric(label, figures.ring_use)
    if figures.record.link is not None:
        add_link(families, figures.record.name, figures.record.link)
