"""What players of HLS count, together."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence

from bench.hls.exchange import Answer
from bench.hls.playlist import Place
from bench.probe import summary

OK = 200

Wait = tuple[int, int]
"""When a reload was asked and when it was answered, nanoseconds."""


class Books:
    """Totals, and what happened since the last `mark`."""

    def __init__(self) -> None:
        self.lost: Counter[str] = Counter()
        self._answers: Counter[str] = Counter()
        self._bytes = self._requests = self._parts = 0
        self._given_up = 0
        self._waits: dict[Place, list[Wait]] = {}
        self._part_ms: list[float] = []

    def count(self, kind: str, answer: Answer) -> None:
        """An answer to a request for `kind`."""
        self._answers[f"{kind} {answer.status}"] += 1
        self._bytes += answer.size
        self._requests += 1

    def reloaded(self, place: Place, answer: Answer) -> None:
        """The playlist was asked for with this part in it."""
        self._waits.setdefault(place, []).append((answer.asked_ns, answer.arrived_ns))

    def fetched(self, answer: Answer) -> None:
        """A part has come."""
        self._parts += 1
        self._part_ms.append((answer.arrived_ns - answer.asked_ns) / 1e6)

    def give_up(self, parts: int) -> None:
        """A player is so late that it leaves parts out."""
        self._given_up += parts

    def mark(self) -> dict[str, object]:
        """Everything, as an answer line. Answers, losses and parts given up are totals."""
        # The newest part may still be on its way to some, so its waits belong to the next mark.
        newest = max(self._waits, default=(0, 0))
        late = lateness_ms(waits for place, waits in self._waits.items() if place != newest)
        reloads = sum(map(len, self._waits.values()))
        found: dict[str, object] = {
            "answers": dict(self._answers),
            "lost": dict(self.lost),
            "given_up": self._given_up,
            "bytes": self._bytes,
            "requests": self._requests,
            "parts": self._parts,
            "reloads": reloads,
            "late_ms": summary(late),
            "part_ms": summary(self._part_ms),
            "cpu_s": time.process_time(),
        }
        self._bytes = self._requests = self._parts = 0
        self._part_ms = []
        self._waits = {place: waits for place, waits in self._waits.items() if place == newest}
        return found


def lateness_ms(parts: Iterable[Sequence[Wait]]) -> list[float]:
    """How long after the first of all players each saw a part that it had been waiting for.

    Who asked when the part was there already was not held, and is left out.
    """
    found = list[float]()
    for waits in parts:
        first_ns = min(arrived_ns for _, arrived_ns in waits)
        found += [(arrived_ns - first_ns) / 1e6 for asked_ns, arrived_ns in waits if asked_ns < first_ns]
    return found
