"""A crowd of players that discard what they get: `python -m bench.players --port 8080 --protocol http-flv`.

Commands on stdin: `join COUNT RATE` (answers when all have joined or failed), `leave COUNT`, `mark`
(answers with the books since the last mark). Ends when its stdin does.
"""

import argparse
import time
from typing import Protocol

from bench.crowd import Crowd
from bench.dialogue import PROTOCOLS, dialogue
from bench.lines import Commands, raise_descriptor_limit, say

#: Longest wait for the last of a group to join.
JOIN_DEADLINE_S = 30.0


class Growing(Protocol):
    """A crowd that players can join."""

    @property
    def joining(self) -> int: ...
    def join(self) -> None: ...


class Joins:
    """A group of players that joins at an even rate."""

    def __init__(self, count: int, rate: float) -> None:
        self._left = count
        self._gap_s = 1 / rate
        self._next_s = time.monotonic()
        self._deadline_s = self._next_s + count * self._gap_s + JOIN_DEADLINE_S

    def advance(self, crowd: Growing) -> bool:
        """Begin those whose moment has come; True once all have joined, failed or run out of time."""
        now_s = time.monotonic()
        while self._left and self._next_s <= now_s:
            crowd.join()
            self._left -= 1
            self._next_s += self._gap_s
        return not self._left and (not crowd.joining or now_s > self._deadline_s)

    def wait_s(self) -> float:
        """Seconds until there is something to begin."""
        return max(0.0, self._next_s - time.monotonic()) if self._left else 0.05


def serve(crowd: Crowd) -> None:
    """Play and take commands until stdin ends."""
    commands, joins = Commands(), None
    say(event="ready")
    while not commands.ended:
        crowd.poll(min(0.05, joins.wait_s() if joins else 0.05))
        if joins is not None and joins.advance(crowd):
            joins = None
            say(event="joined", **crowd.books())
        for words in commands.read():
            joins = _obey(crowd, words) or joins
    crowd.close()


def _obey(crowd: Crowd, words: list[str]) -> Joins | None:
    match words:
        case ["join", count, rate]:
            return Joins(int(count), float(rate))
        case ["leave", count]:
            crowd.leave(int(count))
            say(event="left", playing=crowd.playing)
        case ["mark"]:
            say(event="mark", **crowd.books())
        case _:
            say(event="failed", reason=f"unknown command {words}")
    return None


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--protocol", choices=PROTOCOLS, required=True)
    parser.add_argument("--path", default="live/bench")
    parser.add_argument("--query", default="", help="as in ?start=live")
    parser.add_argument("--receive-buffer", type=int, default=0, help="bytes; the kernel's choice by default")
    given = parser.parse_args()
    raise_descriptor_limit()
    said = dialogue(given.protocol, f"{given.host}:{given.port}", given.path, given.query)
    serve(Crowd((given.host, given.port), said, given.receive_buffer))


if __name__ == "__main__":
    main()
