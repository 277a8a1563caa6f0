"""`fanlight top`: streams, players, bitrate and workers, as they are now."""

import argparse
import sys
import time
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from workers.commands.api import Api, Unreachable
from workers.commands.errors import EXIT_OK
from workers.commands.overview import (
    STREAM_COLUMNS,
    WORKER_COLUMNS,
    Look,
    Overview,
    Row,
    overview,
    plain,
)
from workers.control.models import StreamList, WorkerList

STATE_STYLES = {
    "live": "green",
    "ready": "green",
    "grace": "yellow",
    "starting": "yellow",
    "draining": "yellow",
}
NUMBERS = frozenset(STREAM_COLUMNS[4:]) | frozenset(WORKER_COLUMNS[2:])


def run(arguments: argparse.Namespace) -> int:
    """Show once, or until Ctrl-C, which is the ordinary end. Raises Unreachable if nobody answers."""
    api = Api(arguments.api)
    first = take_look(api)
    try:
        if arguments.once:
            print(as_text(overview(first, None)))
        elif sys.stdout.isatty():
            _draw(api, first, arguments.interval)
        else:
            _print(api, first, arguments.interval)
    except KeyboardInterrupt:
        pass
    return EXIT_OK


def take_look(api: Api) -> Look:
    """Ask for everything. Raises Unreachable."""
    streams = api.get("/api/v1/streams", StreamList).streams
    workers = api.get("/api/v1/workers", WorkerList).workers
    return Look(time.monotonic(), streams, workers)


def as_text(shown: Overview) -> str:
    """Both tables, for scripts and files."""
    streams, workers = plain(STREAM_COLUMNS, shown.streams), plain(WORKER_COLUMNS, shown.workers)
    return f"{streams}\n\n{workers}\n\n{shown.headline}"


def as_tables(shown: Overview, trouble: str | None) -> RenderableType:
    """Both tables, for a terminal; `trouble` stands above figures that are not of now any more."""
    headline = Text(trouble, style="red") if trouble else Text(shown.headline, style="bold")
    return Group(headline, _table(STREAM_COLUMNS, shown.streams), _table(WORKER_COLUMNS, shown.workers))


def _print(api: Api, look: Look, interval_s: float) -> None:
    before: Look | None = None
    while True:
        print(as_text(overview(look, before)), end="\n\n", flush=True)
        time.sleep(interval_s)
        before, look = look, take_look(api)


def _draw(api: Api, look: Look, interval_s: float) -> None:
    before, trouble = None, None
    with Live(console=Console(), screen=True, auto_refresh=False) as live:
        while True:
            live.update(as_tables(overview(look, before), trouble), refresh=True)
            time.sleep(interval_s)
            try:
                before, look, trouble = look, take_look(api), None
            except Unreachable as error:  # it may be restarting: keep the last figures, and say so
                trouble = str(error)


def _table(columns: Row, rows: Sequence[Row]) -> Table:
    table = Table(expand=True)
    for column in columns:
        table.add_column(column, justify="right" if column in NUMBERS else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell, style=STATE_STYLES.get(cell, "")) for cell in row))
    return table
