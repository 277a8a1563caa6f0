"""Side by side in one run: the floor, Fanlight and nginx-rtmp. `python -m bench.compare`.

Every target is started alone on an otherwise idle machine, published to, and measured first without players
and then with more and more of them; the rounds take turns over all targets, so that what the machine does
meanwhile falls on all. What counts is the ratio within one run: absolute figures do not carry over.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bench import servers
from bench.costs import Run, cost_of, curve
from bench.dialogue import HTTP_FLV, RTMP, WEBSOCKET
from bench.lines import raise_descriptor_limit
from bench.picture import line_chart
from bench.promise import promise_table, promises_of_costs
from bench.results import write_figures, write_picture
from bench.rivals import nginx, nginx_missing
from bench.session import BITRATE_BPS, Session, Target
from bench.table import cost_table

TICKS_MS = (25, 100, 350)

#: Below this many players the fixed memory of a server hides what one of them takes.
MEMORY_PLAYERS = 200

#: Columns that the table needs to stand without broken words.
TABLE_WIDTH = 150

Step = Callable[[str], None]


def floor_target(tick_ms: int, bitrate_bps: int, senders: int) -> Target:
    """The loop that only sends, in so many processes."""
    label = f"floor {tick_ms} ms" + (", one process" if senders == 1 else "")
    return Target(
        label,
        HTTP_FLV,
        lambda: servers.floor(tick_ms=tick_ms, bitrate_bps=bitrate_bps, senders=senders, label=label),
        tick_ms,
        publishes=False,
        senders=senders,
    )


def fanlight_target(protocol: str, tick_ms: int | None, workers: int = 2) -> Target:
    """Fanlight with a fixed tick, or with its own."""
    label = f"fanlight {protocol} {'adaptive' if tick_ms is None else f'{tick_ms} ms'}"
    label += ", one worker" if workers == 1 else ""
    bounds = None if tick_ms is None else (tick_ms, tick_ms)
    return Target(
        label,
        protocol,
        lambda: servers.fanlight(tick_ms=bounds, workers=workers, label=label),
        tick_ms,
        senders=workers,
    )


def nginx_target() -> Target:
    """nginx-rtmp from Debian."""
    return Target("nginx-rtmp", RTMP, nginx)


def all_targets(bitrate_bps: int) -> dict[str, list[Target]]:
    """What can be compared, by the name one asks for it."""
    return {
        "floor": [floor_target(tick_ms, bitrate_bps, n) for n in (2, 1) for tick_ms in TICKS_MS],
        "fanlight": [
            *(fanlight_target(HTTP_FLV, tick_ms) for tick_ms in (*TICKS_MS, None)),
            fanlight_target(WEBSOCKET, 100),
            fanlight_target(RTMP, 100),
            fanlight_target(RTMP, 350),
            *(fanlight_target(HTTP_FLV, tick_ms, workers=1) for tick_ms in TICKS_MS),
        ],
        "nginx": [] if nginx_missing() else [nginx_target()],
    }


def measure(
    target: Target, counts: Sequence[int], windows: int, seconds: float, bitrate_bps: int, step: Step
) -> Run:
    """One round of one target: a window or more at each number of players."""
    run = Run(target.label, target.protocol, target.tick_ms, [], [], [], {}, 0, target.senders)
    with Session(target, bitrate_bps) as session:
        run.ready_s.append(session.server.ready_s)
        session.settle()
        empty = session.memory().anonymous
        for players in counts:
            session.grow_to(players)
            session.settle()
            for _ in range(windows):
                step(f"{target.label}, {players} players")
                run.windows.append(session.window(seconds))
        if session.players >= MEMORY_PLAYERS:
            run.bytes_per_player.append((session.memory().anonymous - empty) / session.players)
        run.lost.update(session.lost)
        return run._replace(gaps=session.gaps)


def merge(runs: Sequence[Run]) -> Run:
    """The rounds of one target as one run."""
    first = runs[0]
    return first._replace(
        windows=[window for run in runs for window in run.windows],
        bytes_per_player=[value for run in runs for value in run.bytes_per_player],
        ready_s=[value for run in runs for value in run.ready_s],
        lost={reason: count for run in runs for reason, count in run.lost.items()},
        gaps=sum(run.gaps for run in runs),
    )


def compare(targets: Sequence[Target], given: argparse.Namespace, console: Console) -> list[Run]:
    """All rounds of all targets, with a progress display."""
    total = given.rounds * len(targets) * len(given.counts) * given.windows
    found: dict[str, list[Run]] = {target.label: [] for target in targets}
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as progress:
        task = progress.add_task("starting", total=total)
        step = _stepper(progress, task)
        for _ in range(given.rounds):
            for target in targets:
                found[target.label].append(
                    measure(target, given.counts, given.windows, given.seconds, given.bitrate, step)
                )
        progress.update(task, description="done", completed=total)
    return [merge(runs) for runs in found.values()]


def _stepper(progress: Progress, task: object) -> Step:
    done = -1

    def step(text: str) -> None:
        nonlocal done
        done += 1
        progress.update(task, description=text, completed=done)  # type: ignore[arg-type]

    return step


def write_results(runs: Sequence[Run], given: argparse.Namespace, name: str) -> list[Path]:
    """Leave the figures and the picture behind."""
    document = {
        "settings": {key: value for key, value in vars(given).items() if key != "targets"},
        "costs": [cost_of(run)._asdict() for run in runs],
        "windows": {run.label: [window._asdict() for window in run.windows] for run in runs},
    }
    lines = {run.label: [(float(n), 100 * cores) for n, cores in curve(run)] for run in runs}
    title = f"Processor time against players, {given.bitrate / 1e6:g} Mbit/s each"
    picture = line_chart(title, "players", "% of one core", lines)
    return [write_figures(name, document), write_picture(name, picture)]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", help="floor, fanlight, nginx; all by default")
    parser.add_argument(
        "--counts", type=_counts, default=[0, 250, 500, 1000], help="players, as in 0,500,1000"
    )
    parser.add_argument("--ticks", type=_counts, default=[], help="of these ticks alone, ms, as in 25,100")
    parser.add_argument("--bitrate", type=int, default=BITRATE_BPS, help="bits per second")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--windows", type=int, default=1, help="measured at each number of players")
    parser.add_argument("--seconds", type=float, default=8.0, help="length of a window")
    parser.add_argument("--name", default="compare", help="of the files in bench/results")
    given = parser.parse_args()
    raise_descriptor_limit()
    console = wide_console()
    known = all_targets(given.bitrate)
    asked = [target for name in given.targets or known for target in known[name]]
    targets = [target for target in asked if not given.ticks or target.tick_ms in given.ticks]
    if not known["nginx"]:
        console.print(f"[yellow]without nginx: {nginx_missing()}")
    runs = compare(targets, given, console)
    costs = [cost_of(run) for run in runs]
    console.print(cost_table(costs, given.bitrate))
    console.print(promise_table(promises_of_costs(costs)))
    for path in write_results(runs, given, given.name):
        console.print(f"wrote {path}")


def wide_console() -> Console:
    """The terminal, or lines wide enough for the table where the output goes to a file."""
    console = Console()
    return console if console.is_terminal else Console(width=TABLE_WIDTH)


def _counts(text: str) -> list[int]:
    return sorted(int(word) for word in text.split(","))


if __name__ == "__main__":
    main()
