"""`python -m bench.scenarios [NAME...]`: all of them but the long ones, or those that are named."""

import argparse
import importlib
import inspect
import sys
from collections.abc import Mapping

from bench.compare import wide_console
from bench.lines import raise_descriptor_limit
from bench.promise import Promise, promise_table
from bench.results import write_figures

SRT_NAMES = ("srt_delay", "srt_loss", "srt_cost", "srt_crowds", "srt_flood")
HLS_NAMES = ("hls_players", "hls_packaging", "hls_http2")
NAMES = (
    *("ready", "latency", "memory", "scaling", "publishers", "big", "storm", "deaths", "exposition"),
    *("slow_drip", "hook_faults"),
    *SRT_NAMES,
    *HLS_NAMES,
)
LONG_NAMES = ("srt_long", "hls_hour")

Options = Mapping[str, int | float | str]


def main() -> None:
    """Run, print, and leave the figures in bench/results; the exit code says whether all was kept."""
    names, options = _command_line()
    raise_descriptor_limit()
    console = wide_console()
    all_kept = True
    with console.status("") as status:
        for name in names:
            scenario = importlib.import_module(f"bench.scenarios.{name}")
            status.update(f"{name}: {scenario.__doc__}")
            promises: list[Promise] = scenario.run(**options)
            console.print(promise_table(promises))
            figures = [promise._asdict() | {"kept": promise.kept} for promise in promises]
            write_figures(results_name(name, options), {"promises": figures})
            all_kept = all_kept and all(promise.kept for promise in promises)
    sys.exit(not all_kept)


def results_name(name: str, options: Options) -> str:
    """What the figures are called: with other options than usual, they do not replace the usual ones."""
    return "-".join(["scenario", name, *(f"{key}-{value}" for key, value in options.items())])


def _command_line() -> tuple[tuple[str, ...], dict[str, int | float | str]]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names", nargs="*", choices=[*NAMES, *LONG_NAMES, []], help="all but the long ones by default"
    )
    others = parser.add_argument_group("other sizes than usual, where a scenario can have them")
    others.add_argument("--players", type=int)
    others.add_argument("--bitrate", type=int, help="bits per second")
    others.add_argument("--seconds", type=float, help="length of a window, or of the whole")
    others.add_argument("--workers", type=int, help="that send")
    others.add_argument("--scheme", choices=("http", "https"))
    given = vars(parser.parse_args())
    names = tuple(given.pop("names")) or NAMES
    options = {key: value for key, value in given.items() if value is not None}
    for name in names:
        for key in options.keys() - _parameters(name):
            parser.error(f"{name} has no --{key}")
    return names, options


def _parameters(name: str) -> set[str]:
    return set(inspect.signature(importlib.import_module(f"bench.scenarios.{name}").run).parameters)


if __name__ == "__main__":
    main()
