"""Clients of finished files: `python -m bench.hls.fetchers --port 80 --playlist /list.m3u8 --parts /a,/b`.

Commands on stdin: `join COUNT RATE`, `mark` (answers with the books since the last mark). All ask at the same
moments, as players do whom the same new part wakes. Ends when its stdin does.
"""

import argparse

from bench.hls.books import Books
from bench.hls.crowd import Crowd
from bench.hls.fetcher import Fetcher
from bench.hls.line import SCHEMES, context_of
from bench.hls.serve import Rounds, serve
from bench.lines import raise_descriptor_limit
from bench.wire.answers import browser_request


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--playlist", required=True)
    parser.add_argument("--parts", type=lambda text: text.split(","), required=True, help="take turns")
    parser.add_argument("--every", type=float, default=0.5, help="seconds between two requests of a client")
    parser.add_argument("--scheme", choices=SCHEMES, default="http")
    given = parser.parse_args()
    raise_descriptor_limit()
    host, books = f"{given.host}:{given.port}", Books()
    playlist, *media = (browser_request(path, host) for path in [given.playlist, *given.parts])

    crowd = Crowd(
        (given.host, given.port),
        lambda lists, parts: Fetcher(lists, parts, playlist, media, books),
        books,
        context_of(given.scheme),
    )
    serve(crowd, Rounds(given.every), Fetcher.tick)


if __name__ == "__main__":
    main()
