"""Runs the stress script, which kills real writers, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
NIGHTLY = "NIGHTLY" in os.environ
# 10,000 take two minutes on a quiet machine; the bar is none torn and every ring usable by the next writer.
KILLS = int(os.environ.get("FANLIGHT_RING_KILLS", "10000" if NIGHTLY else "200"))
SEED = int(os.environ.get("FANLIGHT_RING_SEED", "1"))


@pytest.mark.slow
@pytest.mark.hard_timeout(1_800 if NIGHTLY else 120)
def test_no_torn_tag_is_handed_out_however_its_writer_dies() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.shm.ring_stress", str(KILLS), str(SEED)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    counts = json.loads(run.stdout)
    assert counts["kills"] == KILLS
    assert counts["tags_checked"] > KILLS
    # Otherwise the test has not tried what it is for.
    assert counts["inside_a_batch"] > 0
    assert counts["laps"] > 0
    assert counts["ranges_thrown_away"] > 0
