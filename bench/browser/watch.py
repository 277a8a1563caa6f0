"""What Chromium sees of a stream, as tests/browser/measure.mjs measures it."""

import subprocess
import sys
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

PROGRAM: Final = Path(__file__).parents[2] / "tests" / "browser" / "measure.mjs"
OVERHEAD_S: Final = 75.0
"""To start a browser, to begin to play and to settle; a busy machine takes long."""

Player: TypeAlias = Literal["page", "hls", "hls-as-is", "flv"]


class WatchFailed(Exception):
    """The browser did not play; the message is what it said."""


class Seen(msgspec.Struct, frozen=True):
    """A stretch of playing. Ages are from the moment a picture was drawn to the one it was on the screen.

    `own` is what the player says of itself, and `failures` what it complained of; fatal ones say so.
    """

    played_s: float
    stalls: int
    holes: int
    frames: int
    dropped: int
    read: int
    unreadable: int
    longest_gap_ms: float
    median_ms: float | None
    p95_ms: float | None
    worst_ms: float | None
    width: int
    height: int
    own: dict[str, object]
    failures: list[str]


def watch(player: Player, url: str, seconds: float, picture: Path | None = None) -> Seen:
    """Watch for so long, from when it has settled on. Raises WatchFailed when there was nothing to see."""
    node = str(Path(sys.executable).with_name("node"))
    command = [node, str(PROGRAM), player, url, str(seconds), *([str(picture)] if picture else [])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + OVERHEAD_S, check=False)
    if done.returncode:
        raise WatchFailed(done.stderr.strip())
    return msgspec.json.decode(done.stdout, type=Seen)
