"""Encoders that want in and leave again: `python -m bench.knocks --port 1935`.

Commands on stdin: `knock COUNT RATE` (so many begin in turn, so many a second; answers when each has had its
own answer, with how many were let in and how long they waited). Ends when its stdin does.
"""

import argparse
import select
import threading
import time

from bench.lines import Commands, say
from bench.probe import summary
from bench.publisher import Publisher, PublishRefused
from bench.servers import HOST
from bench.stream import Bodies, shape_of

BITRATE_BPS = 100_000


class Knocks:
    """All of one command."""

    def __init__(self, port: int, count: int, rate: float) -> None:
        self._port = port
        self._bodies = Bodies(shape_of(BITRATE_BPS))
        self._waited_ms: list[float] = []
        self._let_in = 0
        self._said = list[str]()
        self._lock = threading.Lock()
        threads = [threading.Thread(target=self._knock, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
            time.sleep(1 / rate)
        for thread in threads:
            thread.join()

    def books(self) -> dict[str, object]:
        """What came of them."""
        return {"let_in": self._let_in, "refused": self._said, "waited_ms": summary(self._waited_ms)}

    def _knock(self, number: int) -> None:
        began_s, refusal = time.monotonic(), ""
        try:
            Publisher(HOST, self._port, "live", f"knock{number}", self._bodies).close()
        except (OSError, PublishRefused) as error:
            refusal = str(error) or error.__class__.__name__
        with self._lock:
            self._waited_ms.append(1e3 * (time.monotonic() - began_s))
            self._let_in += not refusal
            self._said += [refusal] if refusal else []


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    commands = Commands()
    say(event="ready")
    while not commands.ended:
        select.select([commands], [], [])
        for words in commands.read():
            match words:
                case ["knock", count, rate]:
                    say(event="knocked", **Knocks(port, int(count), float(rate)).books())
                case _:
                    say(event="failed", reason=f"unknown command {words}")


if __name__ == "__main__":
    main()
