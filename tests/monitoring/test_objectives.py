"""What is recorded of availability and failures, over a time with two of them: by promtool."""

from pathlib import Path
from typing import Final

import yaml

from tests.monitoring.committed import PROMETHEUS
from tests.monitoring.tools import content

RULES: Final = PROMETHEUS / "rules" / "slo.yml"
TARGET: Final = 'job="fanlight", instance="one:9972"'

# Forty minutes, a value each: ten without a fanout worker, and later five without an answer at all.
UP: Final = "1x29 0x4 1x3"
INGEST: Final = "1x29 stale _x4 1x3"
FANOUT: Final = "1x9 0x9 1x9 stale _x4 1x3"
NOT_ANSWERING: Final = "33m"
END: Final = "38m"

# Of 39 values 24 are good: in days, of thirty.
DAYS_BETWEEN: Final = 30 * 24 / 39 / 2
DAYS_TO_RECOVER: Final = 30 * 15 / 39 / 2


def sample(expr: str, value: float, at: str, *, name: str = "") -> dict[str, object]:
    """The one series that an expression has then; `name` is its own, where it has one."""
    expected = {"labels": f"{name}{{{TARGET}}}", "value": value}
    return {"expr": expr, "eval_time": at, "exp_samples": [expected]}


def hundredths_of_a_day(recorded: str) -> str:
    """Whole numbers, which promtool can compare."""
    return f"round({recorded} / 864)"


def test_failures_are_counted_and_the_time_between_them_and_to_recover(tmp_path: Path) -> None:
    series = {
        f"up{{{TARGET}}}": UP,
        f'fanlight_worker_up{{worker="ingest0", role="ingest", {TARGET}}}': INGEST,
        f'fanlight_worker_up{{worker="fanout0", role="fanout", {TARGET}}}': FANOUT,
    }
    between, recover = "fanlight:time_between_failures_seconds:mean_30d", "fanlight:recovery_seconds:mean_30d"
    available, failures = "fanlight:available", "fanlight:failures:count_30d"
    document = {
        "rule_files": [str(RULES)],
        "group_eval_order": [group["name"] for group in yaml.safe_load(RULES.read_text())["groups"]],
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": [
                    sample(available, 0, NOT_ANSWERING, name=available),
                    sample(available, 1, END, name=available),
                    sample(failures, 2, END, name=failures),
                    sample(hundredths_of_a_day(between), round(DAYS_BETWEEN * 100), END),
                    sample(hundredths_of_a_day(recover), round(DAYS_TO_RECOVER * 100), END),
                ],
            }
        ],
    }
    path = tmp_path / "objectives.yml"
    path.write_text(yaml.safe_dump(document))
    assert "SUCCESS" in content("promtool", "test", "rules", path)
