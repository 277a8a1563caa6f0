"""The events that wait to be delivered, by number, and how many of them each stream has."""

from collections import Counter
from collections.abc import Callable, Iterator, MutableMapping

from engine.hooks.records import Queued


class Pending(MutableMapping[int, Queued]):
    """Events by number.

    Args:
        on_air: hears the name of a stream that must be there, for a segment of it is finished.
    """

    def __init__(self, on_air: Callable[[str], None]) -> None:
        self.streams: Counter[str] = Counter()
        self._events: dict[int, Queued] = {}
        self._on_air = on_air

    def __getitem__(self, number: int) -> Queued:
        return self._events[number]

    def __setitem__(self, number: int, event: Queued) -> None:
        self.pop(number, None)
        self._events[number] = event
        self.streams[event.stream] += 1
        if event.action == "on_hls":
            self._on_air(event.stream)

    def __delitem__(self, number: int) -> None:
        stream = self._events.pop(number).stream
        self.streams[stream] -= 1
        if not self.streams[stream]:
            del self.streams[stream]

    def __iter__(self) -> Iterator[int]:
        return iter(self._events)

    def __len__(self) -> int:
        return len(self._events)
