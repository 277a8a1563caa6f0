"""Packaging a stream of 4 Mbit/s, always on, beside `ffmpeg -c copy -f hls` with the same stream."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bench import cpu
from bench.dialogue import RTMP
from bench.hls.ffmpeg import Ffmpeg, make_film, packager, publisher
from bench.hls.stand import packaging
from bench.metrics_text import samples, scrape, total
from bench.promise import Promise
from bench.servers import HOST
from bench.session import Session, Target
from bench.workers import worker_pids

VARIANTS = ("low_latency", "fmp4", "ts")
BITRATE_BPS = 4_000_000
SYNTHETIC_STREAMS = 10
SECONDS = 20.0
#: ffmpeg looks at its input for five seconds before it begins.
SETTLE_S = 8.0
CORE_PERCENT = 2.0
SEGMENT_S = 2.0
#: A segment more or less at either end of a window of twenty seconds.
MISSING_PART = 0.15


class Costs(NamedTuple):
    """Percent of a core."""

    #: Of the packager while it has one stream.
    one: float
    #: The same without any.
    idle: float
    #: Of each stream when there are ten.
    each: float
    #: Of ffmpeg with the same stream, which it plays over RTMP.
    ffmpeg: float
    #: Of segments that should have been finished, the part that was not.
    missing: float


def run(bitrate: int = BITRATE_BPS, seconds: float = SECONDS) -> list[Promise]:
    """Each variant in a server of its own."""
    found = list[Promise]()
    with tempfile.TemporaryDirectory(prefix="fanlight-bench-film-", dir="/dev/shm") as folder:
        film = Path(folder) / "film.flv"
        make_film(film, bitrate)
        for variant in VARIANTS:
            costs = _measure(variant, film, bitrate, seconds)
            beside = f"idle {costs.idle:.2f} %; each of ten {costs.each:.2f} %; ffmpeg {costs.ffmpeg:.2f} %"
            what = f"{variant}: packager with a stream of {bitrate / 1e6:g} Mbit/s ({beside})"
            found += [
                Promise(what, costs.one, CORE_PERCENT, "% core"),
                Promise(f"{variant}: finished segments that are missing, share", costs.missing, MISSING_PART),
            ]
    return found


def _measure(variant: str, film: Path, bitrate: int, seconds: float) -> Costs:
    target = Target(f"fanlight {variant}", RTMP, partial(packaging, variant), publishes=False)
    with Session(target) as session:
        pid = worker_pids(session.server)["packager0"]
        (idle,) = _percent(seconds / 2, lambda: cpu.process_s(pid))
        with _film_and_ffmpeg(session, film, variant) as ffmpeg:
            session.settle(SETTLE_S)
            finished = _segments(session)
            one, theirs = _percent(seconds, lambda: cpu.process_s(pid), ffmpeg.cpu_s)
            missing = 1 - (_segments(session) - finished) / (seconds / SEGMENT_S)
        session.publish_more("bench", SYNTHETIC_STREAMS, bitrate)
        session.settle(SETTLE_S)
        (ten,) = _percent(seconds, lambda: cpu.process_s(pid))
    return Costs(one, idle, ten / SYNTHETIC_STREAMS, theirs, missing)


@contextmanager
def _film_and_ffmpeg(session: Session, film: Path, variant: str) -> Iterator[Ffmpeg]:
    """A published film, and ffmpeg that packages it; both must live to the end."""
    url = f"rtmp://{HOST}:{session.server.ports[RTMP]}/live/film"
    with ExitStack() as running:
        folder = running.enter_context(tempfile.TemporaryDirectory(prefix="fanlight-bench-", dir="/dev/shm"))
        source = running.enter_context(publisher(film, url))
        session.settle(1.0)
        ffmpeg = running.enter_context(packager(url, variant, Path(folder)))
        yield ffmpeg
        complaint = source.complaint or ffmpeg.complaint
        if complaint or not list(Path(folder).glob("media*.m4s" if variant != "ts" else "media*.ts")):
            raise RuntimeError(complaint or "ffmpeg has made no segment")


def _percent(seconds: float, *clocks: Callable[[], float]) -> list[float]:
    """Of a core, by each clock of processor time, in that long."""
    before, began_s = [clock() for clock in clocks], time.monotonic()
    time.sleep(seconds)
    passed_s = time.monotonic() - began_s
    return [100 * (clock() - begin_s) / passed_s for clock, begin_s in zip(clocks, before, strict=True)]


def _segments(session: Session) -> float:
    return total(samples(scrape(session.server)), "fanlight_hls_segment_seconds_count")
