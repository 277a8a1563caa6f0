"""Latency from glass to glass, stalls and dropped pictures in Chromium, player by player.

    python -m bench.browser --pictures /tmp/pictures
    python -m bench.browser page hls --seconds 20

Exit code 1 if a promise was missed. Chromium and the packages of tests/browser are needed: make setup-tests.
"""

import argparse
import math
import sys
from pathlib import Path
from typing import Final

import msgspec
from rich.table import Table

from bench.browser.cases import CASES, run
from bench.browser.publisher import CODECS
from bench.browser.watch import Seen
from bench.compare import wide_console
from bench.promise import Promise, promise_table
from bench.results import write_figures

LEAST_PLAYED: Final = 0.98
"""Of the time that passed; the rest is the granularity of both clocks."""


def main() -> None:
    """Run the cases one after the other, print, and leave the figures in bench/results."""
    given = _arguments()
    console = wide_console()
    seen: dict[str, Seen] = {}
    with console.status("") as status:
        for name in given.names or CASES:
            status.update(f"{name}: {given.seconds:g} s")
            picture = given.pictures / f"{name}.png" if given.pictures else None
            seen[name] = run(CASES[name], given.seconds, given.codec, picture)
    promises = [promise for name in seen for promise in promises_of(name, seen[name], given.seconds)]
    console.print(table_of(seen), promise_table(promises))
    write_figures(
        given.name,
        {
            "seconds": given.seconds,
            "codec": given.codec,
            "seen": msgspec.to_builtins(seen),
            "promises": [promise._asdict() | {"kept": promise.kept} for promise in promises],
        },
    )
    sys.exit(not all(promise.kept for promise in promises))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*CASES, []], help="all by default")
    parser.add_argument("--seconds", type=float, default=60.0, help="that each is measured")
    parser.add_argument("--codec", choices=CODECS, default="h264")
    parser.add_argument("--pictures", type=Path, help="a folder for pictures of what was on the screen")
    parser.add_argument("--name", default="browser", help="of the figures in bench/results")
    given = parser.parse_args()
    if given.pictures:
        given.pictures.mkdir(parents=True, exist_ok=True)
    return given


def promises_of(name: str, seen: Seen, seconds: float) -> list[Promise]:
    """It plays on, nothing stands still, and what it shows is new."""
    missing_s = max(0.0, LEAST_PLAYED * seconds - seen.played_s)
    found = [
        Promise(f"{name}: seconds of {seconds:g} not played", missing_s, 0, "s"),
        Promise(f"{name}: stalls and holes", seen.stalls + seen.holes, 0),
    ]
    limit_s = CASES[name].limit_s
    if limit_s is not None:
        median_s = math.inf if seen.median_ms is None else seen.median_ms / 1000
        found.append(Promise(f"{name}: latency, median", median_s, limit_s, "s"))
    return found


def table_of(seen: dict[str, Seen]) -> Table:
    """One row a player."""
    table = Table(title="From glass to glass in Chromium")
    table.add_column("", no_wrap=True)
    for heading in (
        "played\ns",
        "stalls,\nholes",
        "frames,\ndropped",
        "latency ms\nmedian/p95/worst",
        "longest time\nof a picture ms",
        "clocks read,\nunreadable",
        "size",
    ):
        table.add_column(heading, justify="right")
    for name, one in seen.items():
        ages = (math.nan if age is None else age for age in (one.median_ms, one.p95_ms, one.worst_ms))
        table.add_row(
            name,
            f"{one.played_s:.1f}",
            f"{one.stalls}, {one.holes}",
            f"{one.frames}, {one.dropped}",
            "/".join(f"{age:.0f}" for age in ages),
            f"{one.longest_gap_ms:.0f}",
            f"{one.read}, {one.unreadable}",
            f"{one.width} x {one.height}",
        )
    return table


if __name__ == "__main__":
    main()
