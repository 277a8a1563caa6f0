"""The table that a comparison prints."""

from collections.abc import Sequence

from rich.table import Table

from bench.costs import Cost, is_floor, ratio_to_floor, ratio_to_rival

KIB = 1024


def cost_table(costs: Sequence[Cost], bitrate_bps: int) -> Table:
    """One row a target; seconds of processor time per gigabyte delivered."""
    most = max(cost.players for cost in costs)
    table = Table(title=f"{most} players, {bitrate_bps / 1e6:g} Mbit/s each; CPU seconds per GB, medians")
    table.add_column("", no_wrap=True)
    for name in (
        "fixed\n% core",
        "all\n% core",
        "marginal\ns/GB",
        "x floor",
        "total\ns/GB",
        "x nginx",
        "with\nreceiver",
        "delay ms\np50/p99",
        "KiB per\nplayer",
        "least/\nmedian",
        "lost, gaps,\ndeaths",
    ):
        table.add_column(name, justify="right")
    for cost in costs:
        table.add_row(*_row(cost, costs), style="dim" if is_floor(cost) else "")
    return table


def _row(cost: Cost, costs: Sequence[Cost]) -> list[str]:
    return [
        cost.label,
        f"{100 * cost.fixed_cores:.1f}",
        f"{100 * cost.cores:.1f}",
        f"{cost.marginal:.3f}",
        _ratio(ratio_to_floor(cost, costs)),
        f"{cost.total:.3f}",
        _ratio(ratio_to_rival(cost, costs)),
        f"{cost.with_receiver:.3f}",
        f"{cost.delay_p50_ms:.1f}/{cost.delay_p99_ms:.1f}",
        f"{cost.memory_per_player_bytes / KIB:.1f}",
        f"{cost.least_share:.3f}",
        f"{sum(cost.lost.values())}, {cost.gaps}, {cost.ended}",
    ]


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
