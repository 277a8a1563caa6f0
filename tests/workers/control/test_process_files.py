"""What control reads from the processes' files is what prometheus-client's own collector reads from them."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest, values
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from engine.metrics import LABELS, WORKER_METRICS
from engine.metrics.metric import Kind
from workers.control.process_files import counted
from workers.control.prometheus_text import Family
from workers.runtime.metrics import Metrics, forget_gauges

SLOTS = ("ingest0", "fanout0", "fanout1")


class Given(Collector):
    """Families as a registry takes them."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterator[Metric]:
        return iter(self._families)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for metrics, where the process's own way to keep values is put back afterwards."""
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    return tmp_path


def count_everything(folder: Path, slot: str, amount: float) -> None:
    """One process that has counted in every metric of the catalogue."""
    metrics = Metrics(slot, folder)
    for metric in WORKER_METRICS:
        words = {label: (metric.allowed(label) or ("any",))[0] for label in metric.labels}
        child = metrics.bind(metric.name, **words)
        count = getattr(child, {"counter": "inc", "gauge": "set", "histogram": "observe"}[metric.kind])
        count(amount)


def text_of(families: Iterable[Family]) -> str:
    return "".join(family.text() for family in families)


def read(text: str) -> dict[str, object]:
    """Everything that a text says, whatever its order. A family told twice is an error."""
    found: dict[str, object] = {}
    for family in text_string_to_metric_families(text):
        samples = {(one.name, tuple(sorted(one.labels.items()))): one.value for one in family.samples}
        assert len(samples) == len(family.samples)
        assert family.name not in found
        found[family.name] = (family.type, family.documentation, samples)
    return found


def clients_own(folder: Path) -> dict[str, object]:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
    return read(generate_latest(registry).decode())


def test_sums_are_those_of_the_clients_own_collector(folder: Path) -> None:
    for amount, slot in enumerate(SLOTS, 1):
        count_everything(folder, slot, amount * 0.3)
    found = read(text_of(counted(folder)))
    assert len(found) == len(WORKER_METRICS)
    assert found == clients_own(folder)


def test_a_dead_workers_counters_stay_and_its_gauges_go(folder: Path) -> None:
    for slot in SLOTS:
        count_everything(folder, slot, 2)
    before = read(text_of(counted(folder)))
    forget_gauges(folder, "fanout1")
    after = read(text_of(counted(folder)))
    assert after != before
    assert after == clients_own(folder)


def test_a_file_that_goes_while_it_is_looked_for_is_passed_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count_everything(folder, "fanout0", 1)
    whole = read(text_of(counted(folder)))
    real: Callable[[Path], object] = MmapedDict.read_all_values_from_file
    files = iter(sorted(folder.glob("gauge_livesum_*.db")))

    def gone_at_first(path: Path) -> object:
        for gone in files:
            gone.unlink()
        return real(path)

    monkeypatch.setattr(MmapedDict, "read_all_values_from_file", staticmethod(gone_at_first))
    left = read(text_of(counted(folder)))
    assert left.keys() < whole.keys()
    assert left == clients_own(folder)


def test_nobody_has_counted_anything_yet(tmp_path: Path) -> None:
    assert text_of(counted(tmp_path)) == ""


@given(
    kind=st.sampled_from(["counter", "gauge"]),
    help_text=st.text(st.characters(codec="utf-8", exclude_categories=["Zs", "Zl", "Zp", "Cc"]), min_size=1),
    rows=st.dictionaries(
        st.tuples(st.text(st.characters(codec="utf-8")), st.sampled_from(LABELS["protocol"])),
        st.floats(allow_nan=False),
        min_size=1,
    ),
)
def test_any_label_and_any_value_are_written_as_the_client_writes_them(
    kind: Kind, help_text: str, rows: dict[tuple[str, str], float]
) -> None:
    name = "fanlight_x_total" if kind == "counter" else "fanlight_x"
    ours = Family(name, kind, help_text, ("protocol", "stream"))
    family = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
    theirs = family(name, help_text, labels=("protocol", "stream"))
    for (stream, protocol), value in rows.items():
        ours.add_metric((protocol, stream), value)
        theirs.add_metric((protocol, stream), value)
    registry = CollectorRegistry()
    registry.register(Given([theirs]))
    assert ours.text().encode() == generate_latest(registry)


def test_a_metric_without_labels_has_no_braces() -> None:
    family = Family("fanlight_streams_limit", "gauge", "How many there may be.")
    family.add_metric([], 50)
    assert family.text().splitlines()[-1] == "fanlight_streams_limit 50.0"
