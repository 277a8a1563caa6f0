"""Recording rules for the quantiles of every histogram in the catalogue, as a file of Prometheus."""

from collections.abc import Iterator

from engine.metrics import GROUPS, Metric
from monitoring.queries import QUANTILES, recorded_quantiles

_HEAD = """\
# Quantiles of every histogram, over five minutes. Written by `make dashboards` from engine/metrics: edits
# are lost. The label `quantile` tells which of them a series is.
groups:
"""


def quantile_rules() -> str:
    """The file: one group for each group of the catalogue that has histograms."""
    return _HEAD + "\n".join(
        "\n".join(_group(title, histograms))
        for title, metrics in GROUPS
        if (histograms := [metric for metric in metrics if metric.kind == "histogram"])
    )


def _group(title: str, histograms: list[Metric]) -> Iterator[str]:
    yield f"  - name: {title} quantiles"
    yield "    rules:"
    for metric in histograms:
        for quantile in QUANTILES:
            yield from _rule(metric, quantile)
    yield ""


def _rule(metric: Metric, quantile: str) -> Iterator[str]:
    labels = ", ".join(("job", "instance", "le", *metric.labels))
    yield f"      - record: {recorded_quantiles(metric)}"
    yield f"        expr: histogram_quantile({quantile}, sum by ({labels}) (rate({metric.name}_bucket[5m])))"
    yield f'        labels: {{quantile: "{quantile}"}}'
