"""Who hears of an end where nobody got in: services that believe somebody did.

Of several services that are asked, one may say yes and another no. Nobody gets in then, and each that said
yes, or may have had the question without our hearing the answer, has a start that needs its end. The others
have none, and must not be told one.
"""

from collections.abc import Sequence

from engine.hooks.origins import origin_of


def hear_the_end(ends: Sequence[str], asked: Sequence[str], informed: Sequence[str]) -> tuple[str, ...]:
    """Those of the addresses for ends that are to hear of this one.

    Args:
        ends: the addresses for ends.
        asked: those for starts, all of which were asked.
        informed: those of them that believe in the start.

    An address that was asked itself speaks for itself. Another one belongs to the service that was asked at
    its origin; and if none was, to somebody who keeps a list of all ends.
    """
    return tuple(url for url in ends if _hears(url, asked, informed))


def _hears(url: str, asked: Sequence[str], informed: Sequence[str]) -> bool:
    if url in asked:
        return url in informed
    origins_asked, origins_informed = set(map(origin_of, asked)), set(map(origin_of, informed))
    origin = origin_of(url)
    return origin in origins_informed if origin in origins_asked else bool(informed)
