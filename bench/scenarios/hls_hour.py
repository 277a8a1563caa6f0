"""An hour of one stream, always on: the packager's and the fanout workers' memory flat, segments within their
budget. Only where it is named."""

import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from bench import cpu
from bench.dialogue import HTTP_FLV
from bench.hls.stand import join, packaging, wait_for_stream
from bench.metrics_text import samples, scrape, total
from bench.promise import Promise
from bench.session import Session, Target
from bench.workers import worker_pids

BITRATE_BPS = 4_000_000
SECONDS = 3600.0
EVERY_S = 10.0
PLAYERS = 10

#: The rings of the stream and of its package have gone round by then, and allocators found their size.
WARM_UP_S = 240.0

FOLDER_BYTES = 16 * 1024 * 1024
#: The index of the package's ring, 64 bytes an entry, is still being touched then: a mebibyte, shared by all.
GROWTH_KIB = 1024.0
WATCHED = ("packager", "fanout")
KIB = 1024


class Look(NamedTuple):
    """How things were at one moment."""

    at_s: float
    #: PSS of each worker, by name.
    pss: dict[str, int]
    folder_bytes: int


def run(bitrate: int = BITRATE_BPS, seconds: float = SECONDS) -> list[Promise]:
    """Watch the workers for so long, after a while of warming up, with a few players there."""
    budget = f"hls.folder_bytes = {FOLDER_BYTES}\n"
    with Session(Target("fanlight", HTTP_FLV, lambda: packaging(extra=budget)), bitrate) as session:
        wait_for_stream(session.server)
        crowd = session.spawn("bench.hls.players", "--port", str(session.server.ports[HTTP_FLV]))
        join(crowd, PLAYERS)
        pids = {
            name: pid
            for name, pid in worker_pids(session.server).items()
            if name.rstrip("0123456789") in WATCHED
        }
        session.settle(WARM_UP_S)
        looks = watch(session.server.pid, pids, seconds)
        books, found = crowd.ask("mark"), samples(scrape(session.server))
        same = worker_pids(session.server)
    gaps, dead = total(found, "fanlight_hls_gaps_total"), sum(same[name] != pid for name, pid in pids.items())
    return [
        *(_flat(name, looks) for name in pids),
        Promise(
            "segments on tmpfs, most",
            max(look.folder_bytes for look in looks) / KIB,
            FOLDER_BYTES / KIB,
            "KiB",
        ),
        Promise("gaps in the playlist, workers dead", gaps + dead, 0),
        Promise(f"players lost of {PLAYERS}", PLAYERS - books["playing"], 0),
    ]


def watch(root: int, pids: dict[str, int], seconds: float) -> list[Look]:
    """Look every few seconds."""
    began_s, looks = time.monotonic(), list[Look]()
    while (now_s := time.monotonic()) < began_s + seconds:
        pss = {name: cpu.memory(pid).pss for name, pid in pids.items()}
        looks.append(Look(now_s, pss, folder_bytes(root)))
        time.sleep(max(0.0, now_s + EVERY_S - time.monotonic()))
    return looks


def folder_bytes(root: int) -> int:
    """What the engine's folder of segments holds, read off the files themselves."""
    for parent in (Path("/dev/shm"), Path(tempfile.gettempdir())):
        for folder in parent.glob(f"fanlight-hls-{root}-*"):
            return sum(_size(path) for path in folder.rglob("*"))
    raise FileNotFoundError("the engine has no folder of segments")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:  # deleted while we looked
        return 0


def _flat(name: str, looks: list[Look]) -> Promise:
    over_s = looks[-1].at_s - looks[0].at_s
    growth = slope([look.at_s for look in looks], [look.pss[name] for look in looks]) * over_s
    what = (
        f"{name}: growth of PSS in {over_s:.0f} s after warm-up ({looks[-1].pss[name] / KIB / KIB:.1f} MiB)"
    )
    return Promise(what, growth / KIB, GROWTH_KIB, "KiB")


def slope(places: list[float], values: list[int]) -> float:
    """Of the straight line with the least squares."""
    middle, mean = sum(places) / len(places), sum(values) / len(values)
    spread = sum((place - middle) ** 2 for place in places)
    if not spread:
        return 0.0
    return sum((p - middle) * (v - mean) for p, v in zip(places, values, strict=True)) / spread
