"""What is sent next: in order within a stream, streams side by side, a failure costs its own lane time.

A lane is one stream's events for one address. Only its first event is on its way at any time; when that
fails, the lane rests, longer each time, and the others go on. When an address that had failed for everybody
answers again, its lanes need not rest to the end.

Services take turns, and each has so many events on their way and no more: one that answers, but slowly, has
its own events wait, and nobody else's. It never fails, so no breaker would ever help the others.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from engine.hooks.origins import origin_of
from engine.hooks.records import Queued

AT_ONCE: Final = 16
"""Events of one service under way. One that takes 50 ms gets some 300 a second, one that hangs holds as many
calls, each for the time-out; then its breaker opens."""

FIRST_REST_S: Final = 0.5
LONGEST_REST_S: Final = 30.0
"""A service that comes back is tried within half a minute; and a thousand lanes of one that is down make some
thirty calls a second, which a breaker answers in microseconds."""

DOWN_AFTER: Final = 3
"""Failures of an address without a success between them, after which its next success wakes its lanes."""


class Lane:
    """One stream's events for one address."""

    __slots__ = ("events", "failures", "on_its_way", "rest_until_s", "url")

    def __init__(self, url: str) -> None:
        self.url = url
        self.events: deque[Queued] = deque()
        self.failures = 0
        self.on_its_way = False
        self.rest_until_s = 0.0


class Service:
    """What is due at one origin, and what is on its way there, by number."""

    __slots__ = ("due", "on_their_way")

    def __init__(self) -> None:
        self.due: list[tuple[float, int, tuple[str, str]]] = []
        self.on_their_way: set[int] = set()

    @property
    def has_room(self) -> bool:
        return len(self.on_their_way) < AT_ONCE


class Lanes:
    """All lanes. Times are seconds of one steady clock, given with each call."""

    def __init__(self) -> None:
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._failures: dict[str, int] = {}  # by address, since its last success
        self._services: dict[str, Service] = {}  # by origin; whose turn was longest ago stands first
        self._turn = 0

    def __len__(self) -> int:
        return sum(len(lane.events) for lane in self._lanes.values())

    def add(self, event: Queued, now_s: float) -> None:
        """One more event; those of a stream are added in the order of their numbers."""
        key = (event.url, event.stream)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(event.url)
            self._schedule(key, now_s)
        lane.events.append(event)

    def take(self, now_s: float) -> Queued | None:
        """An event to be sent now; it is on its way until `finish` or `fail`. None if there is none."""
        for origin, service in list(self._services.items()):
            event = self._take_from(service, now_s) if service.has_room else None
            if event is not None:
                service.on_their_way.add(event.number)
                self._services[origin] = self._services.pop(origin)
                return event
            self._forget_idle(origin, service)
        return None

    def _take_from(self, service: Service, now_s: float) -> Queued | None:
        while service.due and service.due[0][0] <= now_s:
            _, _, key = heapq.heappop(service.due)
            lane = self._lanes.get(key)
            if lane is not None and lane.events and not lane.on_its_way and lane.rest_until_s <= now_s:
                lane.on_its_way = True
                return lane.events[0]
        return None

    def next_s(self) -> float | None:
        """When `take` may have something, if nothing happens before."""
        services = self._services.values()
        return min((one.due[0][0] for one in services if one.due and one.has_room), default=None)

    def finish(self, event: Queued, now_s: float, *, answered: bool = True) -> None:
        """The event needs no further attempt. `answered`: its address has given an answer."""
        self._arrived(event)
        key = (event.url, event.stream)
        lane = self._lanes.get(key)
        if lane is not None:
            lane.on_its_way = False
            lane.failures = 0
            if lane.events and lane.events[0] is event:
                lane.events.popleft()
            self._go_on(key, lane, now_s)
        if answered and self._failures.pop(event.url, 0) >= DOWN_AFTER:
            self._wake(event.url, now_s)

    def fail(self, event: Queued, now_s: float, chance: float) -> float:
        """The attempt failed; gives the rest before the next one, seconds. `chance` is 0 to 1, for jitter."""
        self._arrived(event)
        self._failures[event.url] = self._failures.get(event.url, 0) + 1
        key = (event.url, event.stream)
        lane = self._lanes.get(key)
        if lane is None:  # dropped meanwhile
            return 0.0
        lane.on_its_way = False
        rest_s = rest_after(lane.failures, chance)
        lane.failures += 1
        lane.rest_until_s = now_s + rest_s
        self._go_on(key, lane, lane.rest_until_s)
        return rest_s

    def drop(self, numbers: set[int], now_s: float) -> list[Queued]:
        """Take these out, wherever they stand; gives those that were there. One on its way is forgotten."""
        return self._drop_from(list(self._lanes), numbers, now_s)

    def _drop_from(self, keys: Iterable[tuple[str, str]], numbers: set[int], now_s: float) -> list[Queued]:
        dropped: list[Queued] = []
        for key in keys:
            lane = self._lanes[key]
            gone = [event for event in lane.events if event.number in numbers]
            if not gone:
                continue
            dropped += gone
            lane.events = deque(event for event in lane.events if event.number not in numbers)
            self._go_on(key, lane, now_s)
        return dropped

    def move(self, left: Sequence[Queued], events: Sequence[Queued], now_s: float) -> None:
        """`events` stand for those that have `left`, which have the same numbers and went elsewhere. One that
        is on its way there is sent once more. Those of a stream are in order again, with what was added
        before its older ones came."""
        keys = dict.fromkeys((event.url, event.stream) for event in left)
        self._drop_from([key for key in keys if key in self._lanes], {event.number for event in left}, now_s)
        for event in events:
            self.add(event, now_s)
        for key in dict.fromkeys((event.url, event.stream) for event in events):
            lane = self._lanes[key]
            lane.events = deque(sorted(lane.events, key=_number))

    def waiting(self) -> dict[str, int]:
        """How many events wait for each address."""
        counts: dict[str, int] = {}
        for lane in self._lanes.values():
            counts[lane.url] = counts.get(lane.url, 0) + len(lane.events)
        return counts

    def oldest_ms(self) -> int | None:
        """When the event was queued that has waited longest."""
        return min((lane.events[0].queued_ms for lane in self._lanes.values() if lane.events), default=None)

    def _go_on(self, key: tuple[str, str], lane: Lane, at_s: float) -> None:
        if lane.events:
            if not lane.on_its_way:
                self._schedule(key, at_s)
        elif not lane.on_its_way:
            del self._lanes[key]

    def _wake(self, url: str, now_s: float) -> None:
        for key, lane in self._lanes.items():
            if lane.url == url and lane.rest_until_s > now_s:
                lane.rest_until_s = now_s
                self._schedule(key, now_s)

    def _arrived(self, event: Queued) -> None:
        origin = origin_of(event.url)
        service = self._services.get(origin)
        if service is not None:
            service.on_their_way.discard(event.number)
            self._forget_idle(origin, service)

    def _forget_idle(self, origin: str, service: Service) -> None:
        if not service.due and not service.on_their_way:
            del self._services[origin]

    def _schedule(self, key: tuple[str, str], at_s: float) -> None:
        self._turn += 1  # who was scheduled first goes first, among those that are due at the same time
        service = self._services.setdefault(origin_of(key[0]), Service())
        heapq.heappush(service.due, (at_s, self._turn, key))


def rest_after(failures: int, chance: float) -> float:
    """How long to rest after so many failures before this one: doubling, and half of it by chance."""
    whole_s = min(LONGEST_REST_S, FIRST_REST_S * 2.0 ** min(failures, 16))
    return whole_s * (0.5 + 0.5 * chance)


def _number(event: Queued) -> int:
    return event.number
