"""The service level objectives: what was kept, what is left of the budgets, how fast they burn."""

from typing import Final

from monitoring.dashboard import Dashboard
from monitoring.panels import SECONDS, SHARE, Panel, Row, Step, above, below, panel, stat, table
from monitoring.queries import Query, quantiles

_INSTANCE: Final = 'instance=~"$instance"'


def _recorded(how: str, name: str, legend: str = "", *, only: str = "") -> Query:
    """What rules have recorded of the instances chosen, made one figure of; `only` narrows it further."""
    chosen = f"{_INSTANCE}, {only}" if only else _INSTANCE
    return Query(f"{how} (fanlight:{name}{{{chosen}}})", legend)


def _kept(errors: Query) -> Query:
    """The share of what was good, out of that of errors."""
    return Query(f"1 - {errors.expr}")


def _errors(window: str) -> Query:
    return _recorded("max by (slo)", f"slo_errors:ratio_{window}")


def _burn(window: str) -> Query:
    return Query(f"{_errors(window).expr} / on (slo) fanlight:slo_budget", f"{{{{slo}}}} {window}")


def _burning(title: str, *windows: str, steps: tuple[Step, ...], note: str) -> Panel:
    """How fast every budget burns, over each of these windows."""
    return panel(title, *map(_burn, windows), steps=steps, note=note)


KEPT: Final = Row(
    "The last 30 days",
    (
        table("Objectives", Query("1 - fanlight:slo_budget"), unit=SHARE, width=8),
        table("Kept", _kept(_errors("30d")), unit=SHARE, width=8),
        table("Budget left", Query(f"1 - ({_burn('30d').expr})"), unit=SHARE, width=8),
        stat(
            "Available",
            _kept(_recorded("max", "slo_errors:ratio_30d", only='slo="availability"')),
            unit=SHARE,
            steps=below(0.9999, 0.999),
            note="0.999 is what alerts hold, 0.9999 what we aim at.",
        ),
        stat(
            "Left of the aim",
            Query(f"1 - ({_errors('30d').expr} / on (slo) fanlight:slo_aim)"),
            unit=SHARE,
            width=5,
            steps=below(0.25, 0),
            note="What 0.9999 of the time leaves to fail: 4.3 minutes in 30 days.",
        ),
        stat("Failures", _recorded("sum", "failures:count_30d"), width=5, steps=above(1, 5)),
        stat(
            "Mean time between failures",
            _recorded("min", "time_between_failures_seconds:mean_30d"),
            unit=SECONDS,
            width=5,
            steps=below(7 * 86400, 86400),
            note="The aim is seven days. Without a failure: since we look.",
        ),
        stat(
            "Mean time to recover",
            _recorded("max", "recovery_seconds:mean_30d"),
            unit=SECONDS,
            width=5,
            steps=above(30, 60),
            note="The aim is 30 seconds; scrapes see no finer than their interval.",
        ),
    ),
)

BURNING: Final = Row(
    "How fast budgets burn",
    (
        _burning(
            "Within the hour",
            "5m",
            "1h",
            steps=above(6, 14.4),
            note="1 spends a month's budget in a month; 14.4 in two days.",
        ),
        _burning(
            "Within six hours",
            "30m",
            "6h",
            steps=above(3, 6),
            note="6 spends a month's budget in five days.",
        ),
        _burning(
            "Within three days",
            "2h",
            "1d",
            "3d",
            steps=above(1, 3),
            note="3 spends a month's budget in ten days, 1 in a month.",
        ),
        panel("Available", _recorded("min by (instance)", "available", "{{instance}}"), width=8),
        panel(
            "SRT handshakes",
            quantiles("fanlight_srt_handshake_seconds", "role", which="0.99"),
            unit=SECONDS,
            width=8,
            steps=above(0.15, 0.2),
            note="0.2 s is promised.",
        ),
        panel(
            "SRT to players",
            quantiles("fanlight_delivery_latency_seconds", which="0.99", protocol="srt"),
            unit=SECONDS,
            width=8,
            steps=above(0.08, 0.1),
            note="0.08 s here and 120 ms of latency setting are the 200 ms promised end to end.",
        ),
    ),
)

PROMISES: Final = Dashboard("slo", "Fanlight service levels", (KEPT, BURNING), since="now-24h")
