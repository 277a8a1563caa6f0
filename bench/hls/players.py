"""Players of Low-Latency HLS: `python -m bench.hls.players --port 8080 --path live/bench`.

Commands on stdin: `join COUNT RATE` (answers when all have their first part, or it takes too long), `mark`
(answers with the books since the last mark). Ends when its stdin does.
"""

import argparse

from bench.hls.books import Books
from bench.hls.crowd import Crowd
from bench.hls.line import SCHEMES, context_of
from bench.hls.player import Player, Site
from bench.hls.serve import Rounds, serve
from bench.lines import raise_descriptor_limit

#: A player whose playlist was refused asks again after at most so long.
RETRY_S = 1.0


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="live/bench")
    parser.add_argument("--scheme", choices=SCHEMES, default="http")
    given = parser.parse_args()
    raise_descriptor_limit()
    site, books = Site(f"{given.host}:{given.port}", given.path), Books()

    crowd = Crowd(
        (given.host, given.port),
        lambda lists, parts: Player(lists, parts, site, books),
        books,
        context_of(given.scheme),
    )
    serve(crowd, Rounds(RETRY_S), Player.ask_again)


if __name__ == "__main__":
    main()
