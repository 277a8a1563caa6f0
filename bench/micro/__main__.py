"""`python -m bench.micro [WORD...]`: all steps, or those whose names hold one of the words."""

import argparse

from rich.progress import track
from rich.table import Table

from bench.compare import wide_console
from bench.micro.access import access_steps
from bench.micro.clock import Timing, time_step
from bench.micro.hls import hls_steps
from bench.micro.metrics import metrics_steps
from bench.micro.mpegts import ts_steps
from bench.micro.outside import outside_steps
from bench.micro.pumping import pump_steps
from bench.micro.srt import srt_steps
from bench.micro.steps import all_steps
from bench.micro.telling import telling_steps
from bench.micro.tokens import token_steps
from bench.results import write_figures


def main() -> None:
    """Time, print, and leave the figures in bench/results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*")
    words = parser.parse_args().words
    console = wide_console()
    every = [
        *all_steps(),
        *pump_steps(),
        *srt_steps(),
        *ts_steps(),
        *hls_steps(),
        *outside_steps(),
        *access_steps(),
        *token_steps(),
        *telling_steps(),
        *metrics_steps(),
    ]
    steps = [step for step in every if not words or any(word in step.name for word in words)]
    timings = [time_step(step) for step in track(steps, "timing", console=console, transient=True)]
    console.print(_table(timings))
    write_figures("micro", {"timings": [timing._asdict() for timing in timings]})


def _table(timings: list[Timing]) -> Table:
    table = Table(title="Nanoseconds")
    table.add_column("")
    for name in ("best", "median", "for one"):
        table.add_column(name, justify="right")
    for timing in timings:
        table.add_row(timing.name, f"{timing.best_ns:,.0f}", f"{timing.median_ns:,.0f}", timing.unit)
    return table


if __name__ == "__main__":
    main()
