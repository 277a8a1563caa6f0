"""Cost per player does not rise from 500 to 4,000 players."""

from bench.costs import marginal
from bench.promise import Promise
from bench.scenarios.targets import fixed
from bench.session import Session, typical

COUNTS = (500, 1000, 2000, 4000)
SECONDS = 8.0
WINDOWS = 3

#: What two runs of the same thing differ by on a machine with two processors.
SPREAD = 1.05


def run() -> list[Promise]:
    """The marginal cost per gigabyte at each size, over that of the smallest crowd."""
    with Session(fixed(100)) as session:
        session.settle()
        fixed_cores = session.window(SECONDS).cores
        costs = {}
        for players in COUNTS:
            session.grow_to(players)
            session.settle()
            windows = [session.window(SECONDS) for _ in range(WINDOWS)]
            costs[players] = typical([marginal(window, fixed_cores) for window in windows])
    base = costs[COUNTS[0]]
    return [
        Promise(f"{players} players: cost over {COUNTS[0]} players'", cost / base, SPREAD, "x")
        for players, cost in costs.items()
    ] + [
        Promise(
            f"lost or short of frames at {COUNTS[-1]} players", sum(session.lost.values()) + session.gaps, 0
        )
    ]
