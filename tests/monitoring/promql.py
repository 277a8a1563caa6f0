"""What an expression of PromQL reads: the metrics of ours with their conditions, and what rules record.

No parser: names of ours begin with `fanlight_` or `fanlight:`, and promtool has the last word on grammar.
"""

import re
from typing import Final, NamedTuple

_SERIES: Final = re.compile(r"\b(fanlight[_:][A-Za-z0-9_:]+)\s*(?:\{([^}]*)\})?")
_MATCHER: Final = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')


class Matcher(NamedTuple):
    """One condition on a label."""

    label: str
    value: str

    @property
    def choices(self) -> list[str]:
        """Values that are named in full; none where a variable or another pattern decides."""
        return self.value.split("|") if re.fullmatch(r"[\w|.+-]+", self.value) else []


class Series(NamedTuple):
    """A selector: a metric of the catalogue (with a histogram's suffix), or something recorded."""

    name: str
    matchers: tuple[Matcher, ...]

    @property
    def is_recorded(self) -> bool:
        return ":" in self.name


def series_in(expr: str) -> list[Series]:
    """Every selector of ours in an expression."""
    return [
        Series(name, tuple(Matcher(label, value) for label, _, value in _MATCHER.findall(inside)))
        for name, inside in _SERIES.findall(expr)
    ]
