"""How series of a case go on over time: well for a while, sick for a while, well again.

In the notation of promtool's input series, one value for each scrape.
"""

from typing import Final

SCRAPE_S: Final = 15
PER_MINUTE: Final = 60 // SCRAPE_S
BEGAN_MIN: Final = 20
"""When trouble begins; longer than every window that a rule looks back to see what is new."""
TROUBLE_MIN: Final = 12
LENGTH_MIN: Final = 480


def spans(
    well: float | str, sick: float | str, began_min: int = BEGAN_MIN, trouble_min: int = TROUBLE_MIN
) -> list[float | str]:
    """One value for each scrape."""
    before, during = began_min * PER_MINUTE, trouble_min * PER_MINUTE
    after = (LENGTH_MIN - trouble_min - began_min) * PER_MINUTE
    return [well] * before + [sick] * during + [well] * after


def gauge(well: float, sick: float) -> str:
    """A gauge that has this value while all is well, and that one while it is not."""
    return " ".join(f"{value}" for value in spans(well, sick))


def gone(well: float) -> str:
    """A gauge that is not there in bad times."""
    return " ".join(f"{value}" for value in spans(well, "_"))


def gone_at_all(well: float) -> str:
    """A series of a target that Prometheus does not even know in bad times."""
    return " ".join(f"{value}" for value in spans(well, "stale"))


def down(*times: tuple[float, float]) -> str:
    """1 but for these times: when, and for how many seconds."""
    values = ["1"] * LENGTH_MIN * PER_MINUTE
    for minute, seconds in times:
        begin = int(minute * PER_MINUTE)
        for at in range(begin, begin + int(seconds) // SCRAPE_S):
            values[at] = "0"
    return " ".join(values)


def steady(value: float) -> str:
    """A gauge that never changes."""
    return gauge(value, value)


def counter(
    well_per_s: float, sick_per_s: float, began_min: int = BEGAN_MIN, trouble_min: int = TROUBLE_MIN
) -> str:
    """A counter that grows by so much each second."""
    total, values = 0.0, []
    for per_s in spans(well_per_s, sick_per_s, began_min, trouble_min):
        total += float(per_s) * SCRAPE_S
        values.append(f"{total:.6g}")
    return " ".join(values)


def born(count: float) -> str:
    """A counter that is not there before something happens for the first time, and stays as it is then."""
    before = BEGAN_MIN * PER_MINUTE
    return " ".join(["_"] * before + [f"{count}"] * (LENGTH_MIN * PER_MINUTE - before))


def unscraped(value: float, meanwhile: str = "stale") -> str:
    """What has long stood, where scrapes fail from the second minute until trouble begins."""
    answered = 2 * PER_MINUTE
    failed = BEGAN_MIN * PER_MINUTE - answered
    after = (LENGTH_MIN - BEGAN_MIN) * PER_MINUTE
    return " ".join([f"{value}"] * answered + [meanwhile] * failed + [f"{value}"] * after)


def late(values: str, minutes: int) -> str:
    """The same of an engine that was not there at first."""
    scrapes = minutes * PER_MINUTE
    return " ".join(["_"] * scrapes + values.split()[:-scrapes])


def bumped(count: float, by: float) -> str:
    """A counter that has stood for long, grows once when trouble begins, and stands again."""
    before = BEGAN_MIN * PER_MINUTE
    return " ".join([f"{count}"] * before + [f"{count + by}"] * (LENGTH_MIN * PER_MINUTE - before))
