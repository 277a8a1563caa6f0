"""Which content coding a client wants (Accept-Encoding, RFC 9110 section 12.5.3)."""

import re
from functools import lru_cache
from typing import Final

#: Section 12.4.2: three digits at most, none above 1.
_WEIGHT: Final = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.ASCII)
#: Section 8.4.1.3: the same under its old name.
_ALIASES: Final = {"x-gzip": "gzip"}
#: Different fields in the cache: one per kind of client.
_CACHED_FIELDS: Final = 256


@lru_cache(maxsize=_CACHED_FIELDS)
def takes_gzip(accepted: str) -> bool:
    """Whether this field's client takes gzip, and not rather the plain bytes.

    What is not named counts as `*` says. Plain bytes that nobody named are what is sent to those who take
    nothing else, not what anybody prefers.
    """
    weights = _weights(accepted)
    anything = weights.get("*", 0.0)
    gzip = weights.get("gzip", anything)
    return gzip > 0 and gzip >= weights.get("identity", anything)


def _weights(accepted: str) -> dict[str, float]:
    """The weight of each coding that is named, in lower case; 0 for one whose weight cannot be read."""
    weights: dict[str, float] = {}
    for element in accepted.lower().split(","):
        coding, _, parameter = (piece.strip() for piece in element.partition(";"))
        if coding:
            weights[_ALIASES.get(coding, coding)] = _weight(parameter)
    return weights


def _weight(parameter: str) -> float:
    if not parameter:
        return 1.0
    match = _WEIGHT.fullmatch(parameter)
    return float(match[1]) if match else 0.0
