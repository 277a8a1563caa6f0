"""What Fanlight promises, beside what was measured."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.table import Table

from bench.costs import Cost, is_floor, ratio_to_floor, ratio_to_rival
from bench.dialogue import HTTP_FLV, RTMP

#: Marginal cost over the floor's at the same tick.
OVER_FLOOR = 1.3
#: Total cost over nginx-rtmp's, RTMP players, our tick 100 ms.
OVER_NGINX = 1 / 3
#: Derived protocols over HTTP-FLV.
OVER_HTTP_FLV = 1.25
FIXED_CORE_PERCENT = 3.0
#: Beyond the fixed tick, 1,000 players.
DELAY_ABOVE_TICK_MS = 20.0
ADAPTIVE_DELAY_MS = 120.0

#: SRS 6 by tick and protocol, and nginx-rtmp: seconds per GB at 1 Mbit/s in one run elsewhere, on such a
#: machine. Only the ratio carries over.
SRS = {(350, RTMP): 0.40, (350, HTTP_FLV): 0.55, (100, RTMP): 0.62, (100, HTTP_FLV): 0.89}
NGINX_BESIDE_SRS = 1.76


class Promise(NamedTuple):
    """One figure and its bound; smaller is better."""

    what: str
    measured: float
    limit: float
    unit: str = ""

    @property
    def kept(self) -> bool:
        """Whether the figure is within its bound."""
        return self.measured <= self.limit


def promise_table(promises: Sequence[Promise]) -> Table:
    """One row a promise."""
    table = Table(title="Promises")
    table.add_column("", no_wrap=True)
    for name in ("measured", "at most", ""):
        table.add_column(name, justify="right")
    for promise in promises:
        mark = "[green]kept" if promise.kept else "[red]missed"
        measured, limit = (f"{value:.3g} {promise.unit}" for value in (promise.measured, promise.limit))
        table.add_row(promise.what, measured, limit, mark)
    return table


def promises_of_costs(costs: Sequence[Cost]) -> list[Promise]:
    """Everything that a comparison can say."""
    return [promise for cost in costs if not is_floor(cost) for promise in _promises_of(cost, costs)]


def _promises_of(cost: Cost, costs: Sequence[Cost]) -> list[Promise]:
    if not cost.label.startswith("fanlight"):
        return []
    found = [
        Promise(f"{cost.label}: one stream, no players", 100 * cost.fixed_cores, FIXED_CORE_PERCENT, "% core")
    ]
    found += _against_others(cost, costs)
    found += _delays(cost)
    trouble = sum(cost.lost.values()) + cost.gaps + cost.ended
    found.append(Promise(f"{cost.label}: players lost, frames missing, workers dead", trouble, 0))
    return found


def _against_others(cost: Cost, costs: Sequence[Cost]) -> list[Promise]:
    found = []
    floor, rival = ratio_to_floor(cost, costs), ratio_to_rival(cost, costs)
    if floor is not None and cost.protocol == HTTP_FLV:
        found.append(Promise(f"{cost.label}: marginal cost over the floor's", floor, OVER_FLOOR, "x"))
    if rival is not None and cost.protocol == RTMP and cost.tick_ms == 100:
        found.append(Promise(f"{cost.label}: cost over nginx-rtmp's", rival, OVER_NGINX, "x"))
    twin = next((c for c in costs if _is_twin(c, cost)), None)
    if twin is not None and twin.marginal:
        ratio = cost.marginal / twin.marginal
        found.append(Promise(f"{cost.label}: cost over HTTP-FLV's", ratio, OVER_HTTP_FLV, "x"))
    srs = SRS.get((cost.tick_ms or 0, cost.protocol))
    if srs is not None and rival is not None:
        limit = srs / NGINX_BESIDE_SRS
        found.append(Promise(f"{cost.label}: share of nginx-rtmp's cost, SRS's at most", rival, limit, "x"))
    return found


def _is_twin(other: Cost, cost: Cost) -> bool:
    same_tick = other.tick_ms == cost.tick_ms and other.label.startswith("fanlight")
    return same_tick and other.protocol == HTTP_FLV != cost.protocol


def _delays(cost: Cost) -> list[Promise]:
    limit = ADAPTIVE_DELAY_MS if cost.tick_ms is None else cost.tick_ms + DELAY_ABOVE_TICK_MS
    return [Promise(f"{cost.label}: delay of {cost.players} players, p99", cost.delay_p99_ms, limit, "ms")]
