"""`fanlight metrics`: the catalogue, without an engine."""

import json

import pytest

from engine.metrics import CATALOGUE, GROUPS
from workers.cli import main


def test_every_metric_is_a_line_and_every_group_has_its_title(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics"]) == 0
    lines = capsys.readouterr().out.splitlines()
    begun = [line.split()[0] for line in lines[1:] if line and not line.startswith("#")]
    assert begun == [metric.name for metric in CATALOGUE]
    assert [line for line in lines if line.startswith("#")] == [f"# {title}" for title, _ in GROUPS]


def test_the_columns_begin_where_their_heads_do(capsys: pytest.CaptureFixture[str]) -> None:
    main(["metrics"])
    head, *lines = capsys.readouterr().out.splitlines()
    at = head.index("WHAT IT SAYS")
    rows = [line for line in lines if line.startswith("fanlight")]
    assert [line[at:] for line in rows] == [metric.help for metric in CATALOGUE]


def test_json_has_the_values_of_labels_and_buckets(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics", "--json"]) == 0
    described = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert described.keys() == {metric.name for metric in CATALOGUE}
    assert described["fanlight_streams"]["labels"] == {"state": ["live", "grace", "ended"]}
    assert described["fanlight_loop_lag_seconds"]["unit"] == "seconds"
    assert described["fanlight_loop_lag_seconds"]["buckets"][0] == 0.001
    assert described["fanlight_worker_up"]["scope"] == "collector"
    assert described["fanlight_worker_up"]["labels"]["worker"] == []
