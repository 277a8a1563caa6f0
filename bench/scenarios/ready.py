"""Ready within 1.5 s of start, and next to nothing while nothing happens."""

from bench import cpu, servers
from bench.promise import Promise
from bench.scenarios.targets import adaptive
from bench.session import Session, typical

STARTS = 5
SECONDS = 10.0


def run() -> list[Promise]:
    """Start several times; then watch it idle, and with one stream that nobody plays."""
    ready_s = []
    for _ in range(STARTS):
        with servers.fanlight() as server:
            ready_s.append(server.ready_s)
    return [
        Promise("ready after, median", typical(ready_s), 1.5, "s"),
        Promise("nothing published", _idle_percent(), 3, "% core"),
        Promise("one stream without players", _published_percent(), 3, "% core"),
    ]


def _published_percent() -> float:
    with Session(adaptive()) as session:
        session.settle(3)
        return 100 * session.window(SECONDS).cores


def _idle_percent() -> float:
    with Session(adaptive()._replace(publishes=False)) as session:
        session.settle()
        before = cpu.read(session.server.pid)
        session.settle(SECONDS)
        after = cpu.read(session.server.pid)
    return 100 * (after.tree_s - before.tree_s) / (after.at_s - before.at_s)
