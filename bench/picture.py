"""A line chart as SVG, written by hand: no plotting library is worth a dependency for one picture."""

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 900, 480
LEFT, RIGHT, TOP, BOTTOM = 64, 244, 64, 52

#: Readable beside each other, also for most who see red and green alike (after Okabe and Ito, 2008).
COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#000000",
    "#8c6d31",
    "#7f7f7f",
    "#332288",
    "#aa4499",
    "#999933",
)

STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#333}.title{font-size:16px;font-weight:600}.grid{stroke:#ddd}"
)

Points = Sequence[tuple[float, float]]


def line_chart(title: str, x_label: str, y_label: str, lines: Mapping[str, Points]) -> str:
    """The chart of `lines`; both axes begin at zero. Names that begin with "floor" are dashed."""
    x_top = nice_ceiling(max((x for points in lines.values() for x, _ in points), default=1))
    y_top = nice_ceiling(max((y for points in lines.values() for _, y in points), default=1))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text class="title" x="{LEFT}" y="26">{escape(title)}</text>',
        *_grid(x_top, y_top),
        _text(x_label, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, "middle"),
        _text(y_label, LEFT, TOP - 8, "start"),
    ]
    for number, (name, points) in enumerate(lines.items()):
        parts += _line(name, [_place(x, y, x_top, y_top) for x, y in points], number)
    return "\n".join([*parts, "</svg>\n"])


def nice_ceiling(value: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten."""
    step = 1.0
    while step < value:
        step *= 10
    while step / 10 >= value > 0:
        step /= 10
    return next(step / 10 * part for part in (1, 2, 2.5, 4, 5, 8, 10) if step / 10 * part >= value)


def _place(x: float, y: float, x_top: float, y_top: float) -> tuple[float, float]:
    across = LEFT + x / x_top * (WIDTH - LEFT - RIGHT)
    return round(across, 1), round(HEIGHT - BOTTOM - y / y_top * (HEIGHT - TOP - BOTTOM), 1)


def _grid(x_top: float, y_top: float) -> list[str]:
    parts = []
    for part in range(6):
        x, _ = _place(x_top * part / 5, 0, x_top, y_top)
        _, y = _place(0, y_top * part / 5, x_top, y_top)
        parts += [
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>',
            _text(f"{y_top * part / 5:g}", LEFT - 8, y + 4, "end"),
            _text(f"{x_top * part / 5:g}", x, HEIGHT - BOTTOM + 20, "middle"),
        ]
    return parts


def _line(name: str, places: list[tuple[float, float]], number: int) -> list[str]:
    colour = COLOURS[number % len(COLOURS)]
    dash = ' stroke-dasharray="6 4"' if name.startswith("floor") else ""
    path = " ".join(f"{x},{y}" for x, y in places)
    y_key = TOP + 10 + 22 * number
    x_key = WIDTH - RIGHT + 16
    ink = f'stroke="{colour}" stroke-width="2"{dash}'
    return [
        f'<polyline points="{path}" fill="none" {ink}/>',
        *(f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in places),
        f'<line x1="{x_key}" x2="{x_key + 24}" y1="{y_key}" y2="{y_key}" {ink}/>',
        _text(name, x_key + 32, y_key + 4, "start"),
    ]


def _text(text: str, x: float, y: float, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
