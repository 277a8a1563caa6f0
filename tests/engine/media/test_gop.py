"""Where a player begins."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.media.gop import GopLimits, StartMode, choose_start


class Start(NamedTuple):
    seq: int
    pos: int
    dts_us: int
    generation: int = 1
    epoch: int = 1


# A key frame every two seconds and 250 kB, the newest first; the head is a second after the newest.
STARTS = [Start(seq=100 * n, pos=250_000 * n, dts_us=2_000_000 * n) for n in (5, 4, 3, 2, 1)]
HEAD_POS, HEAD_DTS_US = 1_375_000, 11_000_000
WIDE = GopLimits(max_gops=10, max_duration_s=60, max_bytes=10_000_000)


def choose(mode: StartMode, limits: GopLimits, starts: list[Start] = STARTS) -> Start | None:
    return choose_start(mode, iter(starts), HEAD_POS, HEAD_DTS_US, 1, 1, limits)


def test_each_mode_has_its_place() -> None:
    assert choose(StartMode.BURST, WIDE) == STARTS[-1]
    assert choose(StartMode.KEYFRAME, WIDE) == STARTS[0]
    assert choose(StartMode.LIVE, WIDE) is None


@pytest.mark.parametrize(
    ("limits", "seq"),
    [
        (GopLimits(max_gops=2, max_duration_s=60, max_bytes=10_000_000), 400),
        (GopLimits(max_gops=10, max_duration_s=5, max_bytes=10_000_000), 300),
        (GopLimits(max_gops=10, max_duration_s=60, max_bytes=900_000), 200),
    ],
)
def test_limits_say_how_far_back_a_burst_goes(limits: GopLimits, seq: int) -> None:
    chosen = choose(StartMode.BURST, limits)
    assert chosen is not None
    assert chosen.seq == seq


@pytest.mark.parametrize(
    "limits", [GopLimits(max_gops=0), GopLimits(max_duration_s=0.9), GopLimits(max_bytes=124_999)]
)
def test_when_not_even_the_newest_is_allowed_a_player_waits(limits: GopLimits) -> None:
    assert choose(StartMode.KEYFRAME, limits) is None
    assert choose(StartMode.BURST, limits) is None


def test_a_start_is_never_before_the_last_change_of_headers() -> None:
    changed = [*STARTS[:2], *(start._replace(generation=0) for start in STARTS[2:])]
    assert choose(StartMode.BURST, WIDE, changed) == STARTS[1]
    waiting = [start._replace(generation=0) for start in STARTS]
    assert choose(StartMode.KEYFRAME, WIDE, waiting) is None


def test_nor_in_another_epoch() -> None:
    changed = [STARTS[0], STARTS[1]._replace(epoch=0), STARTS[2]]
    assert choose(StartMode.BURST, WIDE, changed) == STARTS[0]


def test_an_empty_ring_makes_players_wait() -> None:
    assert choose(StartMode.BURST, WIDE, []) is None


@given(
    st.lists(st.tuples(st.integers(0, 5_000_000), st.integers(0, 500_000), st.integers(0, 1)), max_size=8),
    st.builds(
        GopLimits,
        max_gops=st.integers(0, 6),
        max_duration_s=st.floats(0, 20),
        max_bytes=st.integers(0, 3_000_000),
    ),
)
def test_what_is_chosen_keeps_every_limit(steps: list[tuple[int, int, int]], limits: GopLimits) -> None:
    starts, pos, dts_us = [], HEAD_POS, HEAD_DTS_US
    for seq, (duration_us, size, generation) in enumerate(steps):
        pos, dts_us = pos - size, dts_us - duration_us
        starts.append(Start(-seq, pos, dts_us, generation))
    oldest, newest = choose(StartMode.BURST, limits, starts), choose(StartMode.KEYFRAME, limits, starts)
    assert (oldest is None) == (newest is None)
    if oldest is not None:
        reach = starts[: starts.index(oldest) + 1]
        assert newest == starts[0]
        assert len(reach) <= limits.max_gops
        assert all(start.generation == 1 for start in reach)
        assert HEAD_POS - oldest.pos <= limits.max_bytes
        assert HEAD_DTS_US - oldest.dts_us <= limits.max_duration_s * 1_000_000
