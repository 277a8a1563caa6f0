"""Fanlight as the scenarios start it."""

from bench import servers
from bench.dialogue import HTTP_FLV
from bench.session import Target


def adaptive(protocol: str = HTTP_FLV, workers: int = 2) -> Target:
    """With its defaults: the tick finds its own place."""
    return Target(
        f"fanlight {protocol}", protocol, lambda: servers.fanlight(label="fanlight", workers=workers)
    )


def brakeless() -> Target:
    """Ready to have its workers killed in a row: it takes none of the deaths for a crash loop."""
    return Target("fanlight", HTTP_FLV, lambda: servers.fanlight(extra=servers.NO_BRAKE))


def fixed(tick_ms: int, protocol: str = HTTP_FLV) -> Target:
    """With one tick whatever the load."""
    bounds = (tick_ms, tick_ms)
    label = f"fanlight {protocol} {tick_ms} ms"
    return Target(label, protocol, lambda: servers.fanlight(tick_ms=bounds, label=label), tick_ms)
