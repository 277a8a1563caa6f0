"""Moments as people write them, in UTC: "2026-12-31", "2026-12-31T18:00Z" or "2026-12-31T18:00:00Z".

By hand, because the engine does not know the clock, and neither `datetime` nor `calendar` can be had without.
"""

import re
from typing import Final

EXAMPLES: Final = '"2026-12-31" or "2026-12-31T18:00:00Z"'

_FORM: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d))?(?:[Zz]|\+00:00))?", re.ASCII
)
_DAYS_OF_MONTHS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FIRST_YEAR: Final = 1970
_DAY_S: Final = 86_400


def parse_instant(text: str) -> int:
    """Seconds since 1970, without leap seconds; a day alone means its beginning. Raises ValueError."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise ValueError(f"not a moment in UTC such as {EXAMPLES}")
    year, month, day, hour, minute, second = (int(digits or 0) for digits in form.groups())
    if year < _FIRST_YEAR or not 1 <= month <= 12 or not 1 <= day <= _days_of(year, month):
        raise ValueError("no such day")
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError("no such time of day")
    return _days_before(year, month, day) * _DAY_S + hour * 3_600 + minute * 60 + second


def instant_text(seconds: int) -> str:
    """The moment so many seconds after 1970 began, as `parse_instant` reads it."""
    days, rest = divmod(seconds, _DAY_S)
    year = _FIRST_YEAR + days // 366
    while _days_before(year + 1, 1, 1) <= days:
        year += 1
    month, day = 1, days - _days_before(year, 1, 1) + 1
    while day > _days_of(year, month):
        day -= _days_of(year, month)
        month += 1
    clock = f"{rest // 3_600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{year:04d}-{month:02d}-{day:02d}T{clock}Z"


def _days_before(year: int, month: int, day: int) -> int:
    """Days from 1 January 1970 to that day."""
    past = year - 1
    of_years = 365 * (year - _FIRST_YEAR) + past // 4 - past // 100 + past // 400 - _LEAPS_BEFORE_1970
    return of_years + sum(_days_of(year, one) for one in range(1, month)) + day - 1


def _days_of(year: int, month: int) -> int:
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return _DAYS_OF_MONTHS[month - 1] + (month == 2 and is_leap)


_LEAPS_BEFORE_1970: Final = 1969 // 4 - 1969 // 100 + 1969 // 400
