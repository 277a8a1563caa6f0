"""`python -m bench.scenarios [NAME...]`: all of them but the long ones, or those that are named."""

import argparse
import importlib
import sys

from bench.compare import wide_console
from bench.lines import raise_descriptor_limit
from bench.promise import Promise, promise_table
from bench.results import write_figures

SRT_NAMES = ("srt_delay", "srt_loss", "srt_cost", "srt_crowds", "srt_flood")
NAMES = ("ready", "latency", "memory", "scaling", "publishers", "big", "storm", "deaths", *SRT_NAMES)
LONG_NAMES = ("srt_long",)


def main() -> None:
    """Run, print, and leave the figures in bench/results; the exit code says whether all was kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names", nargs="*", choices=[*NAMES, *LONG_NAMES, []], help="all but the long ones by default"
    )
    names = parser.parse_args().names or NAMES
    raise_descriptor_limit()
    console = wide_console()
    all_kept = True
    with console.status("") as status:
        for name in names:
            scenario = importlib.import_module(f"bench.scenarios.{name}")
            status.update(f"{name}: {scenario.__doc__}")
            promises: list[Promise] = scenario.run()
            console.print(promise_table(promises))
            write_figures(
                f"scenario-{name}",
                {"promises": [promise._asdict() | {"kept": promise.kept} for promise in promises]},
            )
            all_kept = all_kept and all(promise.kept for promise in promises)
    sys.exit(not all_kept)


if __name__ == "__main__":
    main()
