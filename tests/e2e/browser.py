"""Chromium as a player: the programs of tests/browser, and what they saw."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from tests.house.source import ROOT

PROGRAMS: Final = ROOT / "tests" / "browser"
WATCH_S: Final = 2
PATIENCE_S: Final = 90.0  # for Chromium to start, to play and to end on a loaded machine
NIGHTLY: Final = "NIGHTLY" in os.environ


def run_program(name: str, url: str, seconds: int = WATCH_S) -> dict[str, Any]:
    """Let one of the programs open a URL; gives what it printed."""
    node = Path(sys.executable).with_name("node")
    command: list[str | Path] = [node, PROGRAMS / name, url, str(seconds)]
    seen = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert seen.returncode == 0, seen.stderr
    answer: dict[str, Any] = json.loads(seen.stdout)
    return answer


def watch_in_browser(url: str) -> dict[str, Any]:
    """Play for a while; gives the frames and the size of the picture as the page counted them."""
    return run_program("play.mjs", url)


def assert_never_stood_still(seen: dict[str, Any]) -> None:
    """Judge it nightly alone: on a machine that does ten things, playing stops because of the machine."""
    assert not NIGHTLY or seen["stalls"] == 0
