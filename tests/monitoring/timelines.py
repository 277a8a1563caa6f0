"""How series of a case go on over time: well for a while, sick for a while, well again.

In the notation of promtool's input series, one value for each scrape.
"""

from typing import Final

SCRAPE_S: Final = 15
PER_MINUTE: Final = 60 // SCRAPE_S
BEGAN_MIN: Final = 20
"""When trouble begins; longer than every window that a rule looks back to see what is new."""
ENDED_MIN: Final = 32
LENGTH_MIN: Final = 84


def spans(well: float | str, sick: float | str) -> list[float | str]:
    """One value for each scrape."""
    before, during = BEGAN_MIN * PER_MINUTE, (ENDED_MIN - BEGAN_MIN) * PER_MINUTE
    after = (LENGTH_MIN - ENDED_MIN) * PER_MINUTE
    return [well] * before + [sick] * during + [well] * after


def gauge(well: float, sick: float) -> str:
    """A gauge that has this value while all is well, and that one while it is not."""
    return " ".join(f"{value}" for value in spans(well, sick))


def gone(well: float) -> str:
    """A gauge that is not there in bad times."""
    return " ".join(f"{value}" for value in spans(well, "_"))


def steady(value: float) -> str:
    """A gauge that never changes."""
    return gauge(value, value)


def counter(well_per_s: float, sick_per_s: float) -> str:
    """A counter that grows by so much each second."""
    total, values = 0.0, []
    for per_s in spans(well_per_s, sick_per_s):
        total += float(per_s) * SCRAPE_S
        values.append(f"{total:.6g}")
    return " ".join(values)


def born(count: float) -> str:
    """A counter that is not there before something happens for the first time, and stays as it is then."""
    before = BEGAN_MIN * PER_MINUTE
    return " ".join(["_"] * before + [f"{count}"] * (LENGTH_MIN * PER_MINUTE - before))


def bumped(count: float, by: float) -> str:
    """A counter that has stood for long, grows once when trouble begins, and stands again."""
    before = BEGAN_MIN * PER_MINUTE
    return " ".join([f"{count}"] * before + [f"{count + by}"] * (LENGTH_MIN * PER_MINUTE - before))
