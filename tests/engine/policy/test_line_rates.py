"""A flood of one kind of line is cut off, and told by number."""

from engine.policy.line_rates import BURST_S, LineRates


def test_a_kind_may_come_at_once_for_ten_seconds_worth_and_then_at_its_rate() -> None:
    rates = LineRates(5)
    burst = int(5 * BURST_S)
    assert [rates.allow("playing", 0.0) for _ in range(burst + 1)] == [True] * burst + [False]
    assert rates.allow("playing", 0.2)
    assert not rates.allow("playing", 0.2)


def test_kinds_do_not_take_each_other_s_room() -> None:
    rates = LineRates(1)
    while rates.allow("playing", 0.0):
        pass
    assert rates.allow("ended", 0.0)


def test_what_was_left_out_is_told_once_by_kind() -> None:
    rates = LineRates(1)
    for kind in ("playing",) * 13 + ("ended",) * 12:
        rates.allow(kind, 0.0)
    assert rates.take_left_out() == {"playing": 3, "ended": 2}
    assert rates.take_left_out() == {}


def test_another_rate_holds_at_once() -> None:
    rates = LineRates(1)
    while rates.allow("playing", 0.0):
        pass
    rates.set_rate(2)
    assert [rates.allow("playing", 0.0) for _ in range(21)] == [True] * 20 + [False]
