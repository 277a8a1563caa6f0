"""A clock that a script can read out of the picture, so that latency is from glass to glass.

The demo's picture, for people, with a row of black and white squares along its top: the wall clock in
milliseconds since 1970 modulo 2**32, highest bit first, then the sum of its four bytes modulo 256. The sum
lets a reader refuse what the encoder has spoilt, or what is between two pictures. A square is as large as
H.264's macroblock, so that it survives any bit rate. `tests/browser/meter.mjs` is the reader.
"""

from typing import Final

from workers.commands.testcard import DARK_Y, GREY_UV, WHITE_Y, WIDTH, Planes, paint

SQUARE: Final = 16
CLOCK_BITS: Final = 32
SUM_BITS: Final = 8
BITS: Final = CLOCK_BITS + SUM_BITS
assert BITS * SQUARE == WIDTH


def picture_at(number: int, wall_ms: int) -> bytes:
    """Picture `number` with this clock in it: its three planes one after the other (yuv420p)."""
    planes = with_clock(paint(number), wall_ms)
    return planes.y + planes.u + planes.v


def with_clock(planes: Planes, wall_ms: int) -> Planes:
    """The picture with its topmost rows replaced by the clock's squares, which have no colour."""
    row = b"".join(bytes([WHITE_Y if bit else DARK_Y]) * SQUARE for bit in bits_of(wall_ms))
    grey = bytes([GREY_UV]) * (WIDTH // 2 * SQUARE // 2)
    return Planes(
        row * SQUARE + planes.y[WIDTH * SQUARE :],
        grey + planes.u[len(grey) :],
        grey + planes.v[len(grey) :],
    )


def bits_of(wall_ms: int) -> list[bool]:
    """The squares from left to right, white ones true."""
    clock = wall_ms % (1 << CLOCK_BITS)
    value = clock << SUM_BITS | sum(clock.to_bytes(4, "big")) % (1 << SUM_BITS)
    return [bool(value >> place & 1) for place in reversed(range(BITS))]
