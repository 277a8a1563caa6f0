"""`fanlight metrics`: every metric that the engine exports. No engine needs to run."""

import argparse
from collections.abc import Iterable

import msgspec

from engine.metrics import GROUPS, Metric
from workers.commands.errors import EXIT_OK

HEADS = ("NAME", "KIND", "UNIT", "LABELS", "WHAT IT SAYS")

Row = tuple[str, ...]


def run(arguments: argparse.Namespace) -> int:
    """Print the catalogue as a table, a line for each metric, or as JSON."""
    print(as_json() if arguments.json else as_table())
    return EXIT_OK


def as_table() -> str:
    """Groups under their titles, in columns, never wrapped: made to be searched and cut."""
    rows = [_row(metric) for _, metrics in GROUPS for metric in metrics]
    widths = [max(map(len, column)) for column in zip(HEADS, *rows, strict=True)]
    lines = [_line(HEADS, widths)]
    for title, metrics in GROUPS:
        lines += ["", f"# {title}", *(_line(_row(metric), widths) for metric in metrics)]
    return "\n".join(lines)


def as_json() -> str:
    """An array of objects, in the same order."""
    objects = [described(title, metric) for title, metrics in GROUPS for metric in metrics]
    return msgspec.json.format(msgspec.json.encode(objects), indent=2).decode()


def described(group: str, metric: Metric) -> dict[str, object]:
    """One metric; a label without values is bounded by what runs here."""
    return {
        "name": metric.name,
        "group": group,
        "kind": metric.kind,
        "unit": metric.unit,
        "scope": metric.scope,
        "labels": {label: metric.allowed(label) for label in metric.labels},
        "buckets": metric.buckets,
        "help": metric.help,
    }


def _row(metric: Metric) -> Row:
    return (metric.name, metric.kind, metric.unit or "-", ",".join(metric.labels) or "-", metric.help)


def _line(cells: Iterable[str], widths: Iterable[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
