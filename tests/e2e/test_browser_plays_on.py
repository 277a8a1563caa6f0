"""Chromium plays a live stream for a minute and never stands still: nightly in all players, else one of them.

How old the pictures are is what `python -m bench.browser` says: a figure of the machine, no verdict.
"""

from typing import Final

import pytest

from bench.browser.cases import CASES, run
from tests.e2e.browser import NIGHTLY

SECONDS: Final = 60 if NIGHTLY else 2
PLAYERS: Final = list(CASES) if NIGHTLY else ["page"]


@pytest.mark.slow
@pytest.mark.hard_timeout(240)
@pytest.mark.parametrize("name", PLAYERS)
def test_chromium_plays_on_without_a_stall(name: str) -> None:
    seen = run(CASES[name], SECONDS, "h264", None)
    assert (seen.width, seen.height) == (640, 360)
    assert [failure for failure in seen.failures if failure.startswith("fatal")] == []
    assert seen.unreadable == 0
    assert seen.read > SECONDS  # the picture moves
    if NIGHTLY:  # what follows holds on a machine that has nothing else to do
        assert seen.played_s == pytest.approx(SECONDS, rel=0.05, abs=0.5)
        assert (seen.stalls, seen.holes) == (0, 0)
        assert seen.read > 15 * SECONDS  # of 30 a second
