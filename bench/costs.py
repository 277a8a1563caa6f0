"""From windows to costs: fixed, marginal, total, and how they compare."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from bench.session import GB, Window, typical


class Run(NamedTuple):
    """Everything that was measured of one target, over all rounds."""

    label: str
    protocol: str
    tick_ms: int | None
    windows: list[Window]
    bytes_per_player: list[float]
    ready_s: list[float]
    lost: dict[str, int]
    gaps: int
    senders: int = 1


class Cost(NamedTuple):
    """What one target costs; seconds of processor time per gigabyte unless it says otherwise."""

    label: str
    protocol: str
    tick_ms: int | None
    players: int
    fixed_cores: float
    cores: float
    marginal: float
    total: float
    with_receiver: float
    delay_p50_ms: float
    delay_p99_ms: float
    memory_per_player_bytes: float
    least_share: float
    gigabytes: float
    lost: dict[str, int]
    gaps: int
    #: Processes of the server that ended while it was measured.
    ended: int
    senders: int = 1


def cost_of(run: Run) -> Cost:
    """Medians over the windows with most players; the fixed part comes from those without any."""
    most = max(window.players for window in run.windows)
    fixed_cores = typical([window.cores for window in run.windows if not window.players])
    full = [window for window in run.windows if window.players == most and window.bytes]
    return Cost(
        label=run.label,
        protocol=run.protocol,
        tick_ms=run.tick_ms,
        players=most,
        fixed_cores=fixed_cores,
        cores=typical([window.cores for window in full]),
        marginal=typical([marginal(window, fixed_cores) for window in full]),
        total=typical([window.server_s / window.bytes * GB for window in full]),
        with_receiver=typical([(w.server_s + w.receiver_s) / w.bytes * GB for w in full]),
        delay_p50_ms=typical([window.delay_ms.get("p50", math.inf) for window in full]),
        delay_p99_ms=typical([window.delay_ms.get("p99", math.inf) for window in full]),
        memory_per_player_bytes=typical(run.bytes_per_player),
        least_share=min((window.least_share for window in full), default=0.0),
        gigabytes=sum(window.bytes for window in full) / GB,
        lost=run.lost,
        gaps=run.gaps,
        ended=sum(window.ended for window in run.windows),
        senders=run.senders,
    )


def marginal(window: Window, fixed_cores: float) -> float:
    """Seconds per gigabyte that the players of `window` cost above the stream itself."""
    return (window.server_s - fixed_cores * window.seconds) / window.bytes * GB


def ratio_to_floor(cost: Cost, costs: Sequence[Cost]) -> float | None:
    """Marginal cost over that of the floor with the same tick and as many processes that send."""
    like = [c for c in costs if is_floor(c) and (c.tick_ms, c.senders) == (cost.tick_ms, cost.senders)]
    floor = like[0] if like else None
    if floor is None or is_floor(cost) or cost.tick_ms is None or not floor.marginal:
        return None
    return cost.marginal / floor.marginal


def ratio_to_rival(cost: Cost, costs: Sequence[Cost]) -> float | None:
    """Total cost over that of nginx-rtmp."""
    rival = next((c for c in costs if c.label.startswith("nginx")), None)
    if rival is None or rival is cost or is_floor(cost) or not rival.total:
        return None
    return cost.total / rival.total


def is_floor(cost: Cost) -> bool:
    """Whether this is the loop that only sends."""
    return cost.label.startswith("floor")


def curve(run: Run) -> list[tuple[int, float]]:
    """Cores kept busy against players: the median at each number of players."""
    counts = sorted({window.players for window in run.windows})
    return [(n, typical([w.cores for w in run.windows if w.players == n])) for n in counts]
