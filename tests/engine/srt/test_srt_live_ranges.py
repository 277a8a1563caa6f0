"""Ranges and loss lists beside plain sets."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.srt.losses import Losses, Spans
from engine.protocols.srt.ranges import RangeSet

positions = st.integers(0, 60)
spans = st.tuples(positions, st.integers(0, 12)).map(lambda pair: (pair[0], pair[0] + pair[1]))
SPANS = Spans(retry_us=60, insurance_us=30, fresh_us=40, least_us=50, answer_us=55)


def as_set(ranges: RangeSet) -> set[int]:
    pairs = list(zip(ranges._firsts, ranges._lasts, strict=True))
    assert all(first <= last for first, last in pairs)
    assert all(last + 1 < first for (_, last), (first, _) in pairwise(pairs))
    return {position for first, last in pairs for position in range(first, last + 1)}


@given(steps=st.lists(st.tuples(st.sampled_from(["insert", "remove", "pop", "drop", "clear"]), spans)))
def test_a_range_set_is_a_set(steps: list[tuple[str, tuple[int, int]]]) -> None:
    ranges, model = RangeSet(), set[int]()
    for what, (first, last) in steps:
        match what:
            case "insert":
                added = set(range(first, last + 1))
                assert ranges.insert(first, last) == len(added - model)
                model |= added
            case "remove":
                assert ranges.remove(first) == (first in model)
                model -= {first}
            case "pop" if model:
                assert ranges.pop() == min(model)
                model.remove(min(model))
            case "drop":
                ranges.drop_before(first)
                model = {each for each in model if each >= first}
            case "clear":
                ranges.clear()
                model = set()
        assert as_set(ranges) == model
        assert len(ranges) == len(model)
        assert bool(ranges) == bool(model)
        assert (ranges.first or (None,))[0] == min(model, default=None)


@given(
    gaps=st.lists(st.tuples(st.integers(1, 3), st.integers(1, 5)), max_size=8),
    steps=st.lists(st.tuples(st.sampled_from(["come", "give up", "drop", "ask"]), spans)),
)
def test_a_loss_list_wants_what_is_missing_and_was_not_let_go(
    gaps: list[tuple[int, int]], steps: list[tuple[str, tuple[int, int]]]
) -> None:
    losses, missing, end = Losses(), set[int](), 0
    for held, lost in gaps:
        end += held
        losses.add(end, end + lost - 1, 0, 2, SPANS, 250)
        missing |= set(range(end, end + lost))
        end += lost
    wanted = set(missing)
    for now_us, (what, (first, last)) in enumerate(steps):
        match what:
            case "come":
                losses.remove(first)
                missing, wanted = missing - {first}, wanted - {first}
            case "give up":
                losses.give_up(first, last)
                wanted -= set(range(first, last + 1))
            case "drop":
                losses.drop_through(first)
                missing = {each for each in missing if each > first}
                wanted &= missing
            case "ask":
                ripe = losses.take_ripe(first, now_us, 2, SPANS)
                due = losses.take_due(now_us, SPANS, lambda _: False)
                assert {each for begin, stop in ripe + due for each in range(begin, stop + 1)} <= wanted
        assert as_set(losses._missing) == missing
        assert losses.first_wanted == min(wanted, default=None)
        if missing:
            begin = min(missing)
            stop = next(each for each in range(begin, 1_000) if each not in missing)
            assert losses.hole_end(begin) == stop - 1
