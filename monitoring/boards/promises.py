"""The service level objectives: what was kept, what is left of the budgets, how fast they burn."""

from typing import Final

from monitoring.dashboard import Dashboard
from monitoring.panels import SECONDS, SHARE, Row, above, below, panel, stat, table
from monitoring.queries import Query, quantiles

_INSTANCE: Final = 'instance=~"$instance"'


def _errors(window: str) -> str:
    return f"fanlight:slo_errors:ratio_{window}{{{_INSTANCE}}}"


def _burn(window: str) -> Query:
    return Query(f"max by (slo) ({_errors(window)}) / on (slo) fanlight:slo_budget", f"{{{{slo}}}} {window}")


KEPT: Final = Row(
    "The last 30 days",
    (
        table("Objectives", Query("1 - fanlight:slo_budget"), unit=SHARE, width=8),
        table("Kept", Query(f"1 - max by (slo) ({_errors('30d')})"), unit=SHARE, width=8),
        table("Budget left", Query(f"1 - ({_burn('30d').expr})"), unit=SHARE, width=8),
        stat(
            "Available",
            Query(f'1 - max ({_errors("30d")[:-1]}, slo="availability"}})'),
            unit=SHARE,
            width=6,
            steps=below(0.9999, 0.999),
            note="0.999 is what alerts hold, 0.9999 what we aim at.",
        ),
        stat(
            "Failures", Query(f"sum (fanlight:failures:count_30d{{{_INSTANCE}}})"), width=6, steps=above(1, 5)
        ),
        stat(
            "Mean time between failures",
            Query(f"min (fanlight:time_between_failures_seconds:mean_30d{{{_INSTANCE}}})"),
            unit=SECONDS,
            width=6,
            steps=below(7 * 86400, 86400),
            note="The aim is seven days.",
        ),
        stat(
            "Mean time to recover",
            Query(f"max (fanlight:recovery_seconds:mean_30d{{{_INSTANCE}}})"),
            unit=SECONDS,
            width=6,
            steps=above(30, 60),
            note="The aim is 30 seconds; scrapes see no finer than their interval.",
        ),
    ),
)

BURNING: Final = Row(
    "How fast budgets burn",
    (
        panel(
            "Within the hour",
            _burn("5m"),
            _burn("1h"),
            steps=above(6, 14.4),
            note="1 spends a month's budget in a month; 14.4 in two days.",
        ),
        panel(
            "Within six hours",
            _burn("30m"),
            _burn("6h"),
            steps=above(3, 6),
            note="6 spends a month's budget in five days.",
        ),
        panel(
            "Within three days",
            _burn("2h"),
            _burn("1d"),
            _burn("3d"),
            steps=above(1, 3),
            note="3 spends a month's budget in ten days, 1 in a month.",
        ),
        panel(
            "Available",
            Query(f"min by (instance) (fanlight:available{{{_INSTANCE}}})", "{{instance}}"),
            width=12,
        ),
        panel(
            "SRT to players",
            quantiles("fanlight_delivery_latency_seconds", which="0.99", protocol="srt"),
            unit=SECONDS,
            width=12,
            steps=above(0.08, 0.1),
            note="0.08 s here and 120 ms of latency setting are the 200 ms promised end to end.",
        ),
    ),
)

PROMISES: Final = Dashboard("slo", "Fanlight service levels", (KEPT, BURNING), since="now-24h")
