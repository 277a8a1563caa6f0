"""One film of `bench.srt.film` published over RTMP: `python -m bench.srt.rtmp_source --port 1935`."""

import argparse

from bench.publisher import Publisher, run
from bench.servers import HOST
from bench.srt.film import DigitBodies
from bench.stream import shape_of


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--bitrate", type=int, default=2_000_000, help="bits per second")
    given = parser.parse_args()
    run([Publisher(HOST, given.port, "live", "bench", DigitBodies(shape_of(given.bitrate)))])


if __name__ == "__main__":
    main()
