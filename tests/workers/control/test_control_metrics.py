"""/metrics: what all processes counted and what shared memory says, in one text without a contradiction."""

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from engine.config import Config
from engine.metrics import CATALOGUE, LABELS, MAX_STREAMS_WITH_LABEL
from shm.directory import LinkStats, StreamRecord, StreamState, StreamStats
from tests.workers.control.house import LINK, House
from workers.control.exposition import render, split
from workers.control.link_families import loss_ratio
from workers.control.snapshot import Camera, Snapshot, StreamFigures
from workers.control.tally import Totals


def take(house: House) -> Snapshot:
    camera = Camera(
        arena=house.arena, directory=house.directory, tally=house.tally, staff=house.staff, version="1.2.3"
    )
    return camera.take(Config())


def samples(text: bytes) -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample)
    return found


def value(found: dict[str, list[Sample]], name: str, **labels: str) -> float:
    (sample,) = [sample for sample in found[name] if sample.labels == labels]
    return float(sample.value)


def figures(name: str, players: int, started_ns: int = 0, link: LinkStats | None = None) -> StreamFigures:
    stats = StreamStats(bytes_in=10, bitrate_bps=100, video_fps_milli=30_000)
    record = StreamRecord(0, name, StreamState.LIVE, 1, 1, 1, 0, started_ns, 0, stats, link)
    return StreamFigures(record, Totals(http_flv=players, bytes_out=players), 0.5)


def scene(streams: list[StreamFigures]) -> Snapshot:
    return Snapshot(streams, 50, [], 4096, "1.2.3")


def test_a_stream_has_its_figures_from_shared_memory(house: House, tmp_path: Path) -> None:
    slot = house.publish("live/a")
    row = house.row(1, slot)
    row.players_http, row.bytes_out, row.lag_ms_max = 3, 900, 250
    found = samples(render(take(house), tmp_path))
    assert value(found, "fanlight_streams", state="live") == 1
    assert value(found, "fanlight_stream_players", stream="live/a", protocol="http-flv") == 3
    assert value(found, "fanlight_stream_bytes_total", stream="live/a", direction="in") == 5_000
    assert value(found, "fanlight_stream_bytes_total", stream="live/a", direction="out") == 900
    assert value(found, "fanlight_stream_lag_seconds", stream="live/a") == 0.25
    assert value(found, "fanlight_stream_frames_per_second", stream="live/a") == 29.97
    assert value(found, "fanlight_build_info", version="1.2.3") == 1
    assert value(found, "fanlight_shared_memory_bytes") > 0


def test_workers_are_up_only_while_their_hearts_beat(house: House, tmp_path: Path) -> None:
    found = samples(render(take(house), tmp_path))
    # The seats of this house stopped beating long before the machine's clock of now.
    assert value(found, "fanlight_worker_up", worker="fanout0", role="fanout") in (0, 1)
    assert value(found, "fanlight_worker_loop_lag_seconds", worker="ingest0") == 0


def test_av_gap_has_the_sign_of_who_is_ahead(house: House, tmp_path: Path) -> None:
    house.publish("live/video", StreamStats(video_ahead_ms=250))
    house.publish("live/audio", StreamStats(audio_ahead_ms=1500))
    found = samples(render(take(house), tmp_path))
    assert value(found, "fanlight_stream_av_gap_seconds", stream="live/video") == 0.25
    assert value(found, "fanlight_stream_av_gap_seconds", stream="live/audio") == -1.5


def test_memory_is_told_by_process_and_type_where_it_is_known(tmp_path: Path) -> None:
    assert "fanlight_worker_memory_bytes" not in samples(render(scene([]), tmp_path))
    known = scene([])._replace(memory={"fanout0": {"heap": 7, "shared": 9}})
    found = samples(render(known, tmp_path))
    assert value(found, "fanlight_worker_memory_bytes", worker="fanout0", type="heap") == 7
    assert value(found, "fanlight_worker_memory_bytes", worker="fanout0", type="shared") == 9


def test_disks_are_told_by_the_folders_that_are_looked_at_now(tmp_path: Path) -> None:
    for folder in ("/var/log/old", "/var/log/new"):
        found = samples(render(scene([])._replace(disks={folder: 0.25}), tmp_path))
        assert [(one.labels, one.value) for one in found["fanlight_host_disk_ratio"]] == [
            ({"path": folder}, 0.25)
        ]


def test_breakers_are_told_by_dependency_where_a_service_was_called(tmp_path: Path) -> None:
    assert "fanlight_breaker_state" not in samples(render(scene([]), tmp_path))
    called = scene([])._replace(breakers={"hooks": 0, "hook_decisions": 2})
    found = samples(render(called, tmp_path))
    assert value(found, "fanlight_breaker_state", dependency="hooks") == 0
    assert value(found, "fanlight_breaker_state", dependency="hook_decisions") == 2


def test_ten_thousand_names_are_never_more_series_than_the_cap(tmp_path: Path) -> None:
    evenings = [
        [figures(f"live/{evening}-{number}", players=number, link=LINK) for number in range(1_000)]
        for evening in range(10)
    ]
    lengths = set[int]()
    for crowd in [*evenings, [stream for evening in evenings for stream in evening]]:
        text = render(scene(crowd), tmp_path).decode()
        labels = set(re.findall(r'stream="([^"]+)"', text))
        assert labels <= {one.record.name for one in crowd} | {"other"}
        assert len(labels) == MAX_STREAMS_WITH_LABEL + 1
        lengths.add(text.count("\n"))
    assert len(lengths) == 1
    assert list(tmp_path.iterdir()) == []


def test_streams_beyond_the_cap_share_one_label(tmp_path: Path) -> None:
    crowd = [figures(f"live/{number}", players=number) for number in range(MAX_STREAMS_WITH_LABEL + 20)]
    found = samples(render(scene(crowd), tmp_path))
    labels = {sample.labels["stream"] for sample in found["fanlight_stream_players"]}
    assert len(labels) == MAX_STREAMS_WITH_LABEL + 1
    assert value(found, "fanlight_stream_players", stream="other", protocol="http-flv") == sum(range(20))
    assert value(found, "fanlight_stream_published_bytes_per_second", stream="other") == 250
    assert "other" not in {sample.labels["stream"] for sample in found["fanlight_stream_frames_per_second"]}


def test_a_stream_that_ended_and_its_successor_are_one_label(tmp_path: Path) -> None:
    found = samples(
        render(scene([figures("live/a", 1, started_ns=1), figures("live/a", 2, started_ns=2)]), tmp_path)
    )
    assert value(found, "fanlight_stream_players", stream="live/a", protocol="http-flv") == 3
    assert len(found["fanlight_stream_frames_per_second"]) == 1


def test_an_srt_publishers_link_has_figures_of_its_own(tmp_path: Path) -> None:
    found = samples(render(scene([figures("live/a", 1, link=LINK), figures("live/b", 1)]), tmp_path))
    wanted = {
        "rtt_seconds": 0.0605,
        "rtt_variation_seconds": 0.0045,
        "received_bytes_per_second": 625_000,
        "bandwidth_bytes_per_second": 10_000_000,
        "loss_ratio": 0.02,
        "buffer_seconds": 0.24,
        "latency_seconds": 0.25,
        "flow_window_packets": 8192,
        "congestion_window_packets": 4096,
        "flight_packets": 0,
    }
    for name, expected in wanted.items():
        (sample,) = found[f"fanlight_stream_srt_{name}"]
        assert (sample.labels, sample.value) == ({"stream": "live/a"}, expected)
    packets = "fanlight_stream_srt_packets_total"
    assert value(found, packets, stream="live/a", kind="data") == 1010
    assert value(found, packets, stream="live/a", kind="recovered") == 18
    info = {"stream": "live/a", "encryption": "AES-256-CTR", "version": "1.5.3"}
    assert value(found, "fanlight_stream_srt_info", **info) == 1
    for sample in (sample for name in found if "_srt_" in name for sample in found[name]):
        for label, text in sample.labels.items():
            assert text in LABELS.get(label, (text,))


def test_links_beyond_the_cap_share_what_can_be_added(tmp_path: Path) -> None:
    watched = [figures(f"live/{number}", players=9) for number in range(MAX_STREAMS_WITH_LABEL)]
    rest = [figures(f"rest/{number}", players=0, link=LINK) for number in range(3)]
    found = samples(render(scene(watched + rest), tmp_path))
    assert value(found, "fanlight_stream_srt_packets_total", stream="other", kind="lost") == 60
    assert value(found, "fanlight_stream_srt_received_bytes_per_second", stream="other") == 1_875_000
    assert "fanlight_stream_srt_rtt_seconds" not in found


def test_nothing_sent_is_nothing_lost() -> None:
    assert loss_ratio(LinkStats()) == 0
    assert loss_ratio(LinkStats(packets_received=9, packets_lost=1)) == 0.1


def test_the_most_watched_keep_their_labels_and_the_oldest_among_equals() -> None:
    named, rest = split([figures("new", 0, 9), figures("old", 0, 1), figures("loved", 5, 5)], most=2)
    assert list(named) == ["loved", "old"]
    assert [one.record.name for one in rest] == ["new"]


def test_every_metric_of_shared_memory_is_declared_with_its_help(house: House, tmp_path: Path) -> None:
    house.publish("live/a")
    text = render(take(house), tmp_path).decode()
    for metric in CATALOGUE:
        if metric.scope == "collector":
            assert f"# HELP {metric.name} {metric.help}" in text
            assert f"# TYPE {metric.name} {metric.kind}" in text


def test_no_metric_is_told_twice_whatever_the_processes_wrote(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prometheus_client import values

    from workers.runtime.metrics import Metrics

    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    metrics = Metrics("fanout0", tmp_path)
    metrics.bind("fanlight_sent_bytes_total", protocol="rtmp").inc(7)
    house.publish("live/a")
    text = render(take(house), tmp_path)
    declared = [line for line in text.decode().splitlines() if line.startswith("# TYPE")]
    assert len(declared) == len(set(declared))
    assert value(samples(text), "fanlight_sent_bytes_total", protocol="rtmp") == 7
