"""The demo's moving picture: scrolling colour bars, a sweeping block, and a clock that shows each frame.

Drawn into planes of plain bytes, because an array library only for this would be a dependency of everybody.
A whole row is made once and repeated, which is what makes it cheap: about a third of a millisecond per
picture.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

WIDTH: Final = 640
HEIGHT: Final = 360
FRAMES_PER_S: Final = 30

# White, yellow, cyan, green, magenta, red, blue, black at 75 %, as Y, U, V: ITU-R BT.601, limited range.
BARS: Final = (
    (180, 128, 128),
    (162, 44, 142),
    (131, 156, 44),
    (112, 72, 58),
    (84, 184, 198),
    (65, 100, 212),
    (35, 212, 114),
    (16, 128, 128),
)
WHITE_Y: Final = 235
DARK_Y: Final = 16
GREY_UV: Final = 128
STRIP_TOP: Final = 280  # below it: the strip with the sweeping block
SCROLL_PIXELS: Final = 4  # per picture, even: colour has half the resolution
SWEEP_S: Final = 2

# Segments of a digit, from a (top) clockwise to f, g in the middle; a bit each, a lowest.
DIGITS: Final = (0x3F, 0x06, 0x5B, 0x4F, 0x66, 0x6D, 0x7D, 0x07, 0x7F, 0x6F)
DIGIT_WIDTH: Final = 48
DIGIT_HEIGHT: Final = 96
THICK: Final = 10
CLOCK_LEFT: Final = 60
CLOCK_TOP: Final = 100
CLOCK_STEP: Final = 68


class Rectangle(NamedTuple):
    """In pixels of the picture."""

    left: int
    top: int
    width: int
    height: int


class Planes(NamedTuple):
    """One picture in YUV 4:2:0, rows without padding."""

    y: bytes
    u: bytes
    v: bytes


def paint(number: int) -> Planes:
    """Picture `number` of the stream."""
    shift = number * SCROLL_PIXELS % WIDTH
    luma = bytearray(_bars(0, WIDTH, shift) * STRIP_TOP + bytes([DARK_Y]) * WIDTH * (HEIGHT - STRIP_TOP))
    for rectangle in (_sweep(number), *_clock(number)):
        _fill(luma, rectangle)
    return Planes(bytes(luma), _colour(1, shift), _colour(2, shift))


def _colour(plane: int, shift: int) -> bytes:
    half = WIDTH // 2
    bars = _bars(plane, half, shift // 2) * (STRIP_TOP // 2)
    return bars + bytes([GREY_UV]) * half * ((HEIGHT - STRIP_TOP) // 2)


def _bars(plane: int, width: int, shift: int) -> bytes:
    row = b"".join(bytes([bar[plane]]) * (width // len(BARS)) for bar in BARS)
    return row[shift:] + row[:shift]


def _sweep(number: int) -> Rectangle:
    pictures = SWEEP_S * FRAMES_PER_S
    size = HEIGHT - STRIP_TOP - 20
    return Rectangle(number % pictures * (WIDTH - size) // pictures, STRIP_TOP + 10, size, size)


def _clock(number: int) -> Iterator[Rectangle]:
    """Minutes, seconds and pictures since the beginning."""
    seconds, picture = divmod(number, FRAMES_PER_S)
    minutes = seconds // 60 % 100
    text = f"{minutes:02}{seconds % 60:02}{picture:02}"
    for place, digit in enumerate(text):
        left = CLOCK_LEFT + place * CLOCK_STEP + place // 2 * THICK * 3
        yield from _segments(int(digit), left)


def _segments(digit: int, left: int) -> Iterator[Rectangle]:
    half = DIGIT_HEIGHT // 2
    right = left + DIGIT_WIDTH - THICK
    shapes = (
        Rectangle(left, CLOCK_TOP, DIGIT_WIDTH, THICK),
        Rectangle(right, CLOCK_TOP, THICK, half),
        Rectangle(right, CLOCK_TOP + half, THICK, half),
        Rectangle(left, CLOCK_TOP + DIGIT_HEIGHT - THICK, DIGIT_WIDTH, THICK),
        Rectangle(left, CLOCK_TOP + half, THICK, half),
        Rectangle(left, CLOCK_TOP, THICK, half),
        Rectangle(left, CLOCK_TOP + half - THICK // 2, DIGIT_WIDTH, THICK),
    )
    return (shape for bit, shape in enumerate(shapes) if DIGITS[digit] >> bit & 1)


def _fill(luma: bytearray, shape: Rectangle) -> None:
    line = bytes([WHITE_Y]) * shape.width
    for row in range(shape.top, shape.top + shape.height):
        start = row * WIDTH + shape.left
        luma[start : start + shape.width] = line
