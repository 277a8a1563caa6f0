"""What the sender counts: for the metrics, and for who looks at the API."""

from collections import deque
from typing import Final, NamedTuple, Protocol
from urllib.parse import urlsplit

from engine.hooks.settings import Action
from workers.runtime.metrics import Child

MAX_FAILURES: Final = 20
"""The last ones that the API shows."""

MAX_SHOWN_CHARACTERS: Final = 300


class Metrics(Protocol):
    """The part of the runtime's metrics that is used here."""

    def bind(self, name: str, **labels: str) -> Child: ...


class Failure(NamedTuple):
    """One call without an answer, or with a refusal of an event."""

    at_ms: int
    action: Action
    event_id: str
    stream: str
    url: str
    reason: str
    text: str


class Figures:
    """Counts of this process; what it had before it died is in the metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.failures: deque[Failure] = deque(maxlen=MAX_FAILURES)
        self.delivered = self.refused = self.dropped = self.removed = self.failed = 0
        self.answered_ms: dict[str, int] = {}
        """By address: when it last gave an answer."""

    def done(self, action: Action, result: str, count: int = 1) -> None:
        """Events are done with."""
        self._metrics.bind("fanlight_hook_events_total", action=action, result=result).inc(count)
        if result == "delivered":
            self.delivered += count
        elif result == "refused":
            self.refused += count
        elif result == "removed":
            self.removed += count
        else:
            self.dropped += count

    def answered(self, url: str, now_ms: int) -> None:
        """The address has given an answer, whatever it was."""
        self.answered_ms[url] = now_ms

    def failure(self, failure: Failure) -> None:
        """A call had no answer."""
        self.failed += 1
        self._metrics.bind("fanlight_hook_failures_total", reason=failure.reason).inc()
        self.note(failure)

    def note(self, failure: Failure) -> None:
        """To be shown among the last failures."""
        shown = failure._replace(url=shown_url(failure.url), text=failure.text[:MAX_SHOWN_CHARACTERS])
        self.failures.append(shown)

    def decided(self, result: str, seconds: float) -> None:
        """A client has heard whether it gets in."""
        self._metrics.bind("fanlight_hook_decision_seconds", result=result).observe(seconds)

    def queue(self, events: int, oldest_s: float, spool_bytes: int, sessions: int) -> None:
        """How things stand now."""
        bind = self._metrics.bind
        bind("fanlight_hook_queue_events").set(events)
        bind("fanlight_hook_queue_oldest_seconds").set(oldest_s)
        bind("fanlight_hook_spool_bytes").set(spool_bytes)
        bind("fanlight_hook_sessions").set(sessions)


def shown_url(url: str) -> str:
    """An address without what may be secret in it."""
    return urlsplit(url)._replace(query="", fragment="").geturl()
