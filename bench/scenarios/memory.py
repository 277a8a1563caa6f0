"""Memory per player at most 12 KiB, per idle stream 64 KiB beside the ring's touched pages."""

from bench.cpu import kernel_memory
from bench.dialogue import PROTOCOLS
from bench.promise import Promise
from bench.scenarios.targets import adaptive
from bench.session import Session

KIB = 1024
PLAYERS = 2000
STREAMS = 20


def run() -> list[Promise]:
    """Players of each protocol, then streams nobody watches."""
    return [*(_players(protocol) for protocol in PROTOCOLS), _streams()]


def _players(protocol: str) -> Promise:
    with Session(adaptive(protocol)) as session:
        session.grow_to(1)
        session.settle()
        before, kernel_before, players = session.memory(), kernel_memory(), session.players
        session.grow_to(PLAYERS)
        session.settle(5)
        after, kernel_after = session.memory(), kernel_memory()
        joined = session.players - players
    slab_kib = (kernel_after["slab"] - kernel_before["slab"]) / joined / KIB
    what = f"{protocol}: memory per player ({slab_kib:.0f} KiB more in the kernel, both ends)"
    return Promise(what, (after.anonymous - before.anonymous) / joined / KIB, 12, "KiB")


def _streams() -> Promise:
    with Session(adaptive()) as session:
        # The first streams also pay for pages that every worker shares with the supervisor until it first
        # writes them.
        first = session.publish_more("first", STREAMS, 200_000)
        session.settle(5)
        before = session.memory()
        more = session.publish_more("idle", STREAMS, 200_000)
        session.settle(5)
        after = session.memory()
        first.close()
        more.close()
    per_stream = (after.anonymous - before.anonymous) / STREAMS / KIB
    return Promise("memory per stream without players, beside its ring", per_stream, 64, "KiB")
