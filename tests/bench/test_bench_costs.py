"""From windows to figures, with numbers that can be checked in the head."""

import math
from xml.etree import ElementTree as ET

import pytest

from bench.costs import Cost, Run, cost_of, curve, ratio_to_floor, ratio_to_rival
from bench.dialogue import HTTP_FLV, RTMP
from bench.picture import line_chart, nice_ceiling
from bench.probe import summary
from bench.promise import promises_of_costs
from bench.session import Window


def window(players: int, server_s: float, delay_ms: float = 0.0) -> Window:
    """Ten seconds in which every player got a megabyte."""
    delays = {"p50": delay_ms, "p99": delay_ms} if delay_ms else {}
    return Window(players, 10.0, server_s, 1.0, 5.0, players * 1_000_000, 1.0, delays, 0)


def cost(label: str, server_s: float, protocol: str = HTTP_FLV, tick_ms: int | None = 100) -> Cost:
    """Of 1,000 players, one gigabyte, over a fixed 1 % of a core."""
    windows = [window(0, 0.1), window(1000, server_s + 0.1, 50.0)]
    return cost_of(Run(label, protocol, tick_ms, windows, [2048.0], [0.1], {}, 0))


def test_fixed_and_marginal_are_told_apart() -> None:
    found = cost("fanlight", 0.5)
    assert found.fixed_cores == pytest.approx(0.01)
    assert found.marginal == pytest.approx(0.5)
    assert found.total == pytest.approx(0.6)
    assert found.with_receiver == pytest.approx(1.6)


def test_ratios_are_taken_at_the_same_tick() -> None:
    ours, floor = cost("fanlight http-flv 100 ms", 0.5), cost("floor 100 ms", 0.4)
    other, rival = cost("floor 25 ms", 2.0, tick_ms=25), cost("nginx-rtmp", 1.9, RTMP, None)
    costs = [other, floor, ours, rival]
    assert ratio_to_floor(ours, costs) == pytest.approx(1.25)
    assert ratio_to_rival(ours, costs) == pytest.approx(0.3)
    assert ratio_to_floor(floor, costs) is None
    assert ratio_to_rival(rival, costs) is None
    assert all(promise.kept for promise in promises_of_costs(costs))


def test_two_senders_are_not_compared_with_one() -> None:
    ours = cost("fanlight http-flv 100 ms", 0.5)._replace(senders=2)
    alone, pair = cost("floor 100 ms, one process", 0.3), cost("floor 100 ms", 0.4)._replace(senders=2)
    assert ratio_to_floor(ours, [alone, pair, ours]) == pytest.approx(1.25)
    assert ratio_to_floor(ours, [alone, ours]) is None


def test_a_delay_nobody_measured_is_no_promise_kept() -> None:
    run = Run("fanlight http-flv 100 ms", HTTP_FLV, 100, [window(0, 0.1), window(10, 1.0)], [], [], {}, 0)
    assert cost_of(run).delay_p99_ms == math.inf
    assert not all(promise.kept for promise in promises_of_costs([cost_of(run)]))


def test_a_curve_has_a_point_for_each_size() -> None:
    run = Run(
        "x", HTTP_FLV, 100, [window(0, 0.1), window(5, 1.0), window(5, 3.0), window(9, 4.0)], [], [], {}, 0
    )
    assert curve(run) == [(0, 0.01), (5, 0.2), (9, 0.4)]


def test_percentiles() -> None:
    assert summary([]) == {"count": 0}
    assert summary(list(range(100))) == {"count": 100, "p50": 50, "p90": 90, "p99": 99, "max": 99}


@pytest.mark.parametrize(
    ("value", "top"), [(0.7, 0.8), (1, 1), (1.01, 2), (27.3, 40), (4000, 4000), (4100, 5000)]
)
def test_axes_end_at_round_numbers(value: float, top: float) -> None:
    assert nice_ceiling(value) == pytest.approx(top)


def test_a_picture_is_well_formed() -> None:
    svg = line_chart("a < b & c", "players", "%", {"floor": [(0, 0), (10, 5)], "ours": [(0, 1), (10, 7)]})
    root = ET.fromstring(svg)
    assert len(root.findall(".//{*}polyline")) == 2
