"""Times as playlists write them, from whole microseconds: nothing is lost, parts add up to segments."""

from typing import Final

SECOND_US: Final = 1_000_000

_DAY_US: Final = 86_400 * SECOND_US
_LAST_DAY: Final = 2_932_896  # of the year 9999: a date has four digits for it
# The calendar repeats every 400 years; counted from 1 March of the year 0, a leap day is the last of its
# year.
_DAYS_OF_400_YEARS: Final = 146_097
_DAYS_TO_1970: Final = 719_468


def seconds_text(us: int) -> str:
    """A decimal-floating-point (RFC 8216bis §4.2)."""
    return f"{us // SECOND_US}.{us % SECOND_US:06d}"


def date_text(us: int) -> str:
    """ISO 8601 with milliseconds, in UTC, as EXT-X-PROGRAM-DATE-TIME has it (RFC 8216bis §4.4.4.6)."""
    days, rest_us = divmod(us, _DAY_US)
    year, month, day = _calendar(min(days, _LAST_DAY))
    seconds, ms = divmod(rest_us // 1_000, 1_000)
    clock = f"{seconds // 3_600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{ms:03d}"
    return f"{year:04d}-{month:02d}-{day:02d}T{clock}Z"


def _calendar(days: int) -> tuple[int, int, int]:
    """Year, month and day of the Gregorian calendar, so many days after 1 January 1970."""
    era, of_era = divmod(days + _DAYS_TO_1970, _DAYS_OF_400_YEARS)
    years = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * years + years // 4 - years // 100)
    from_march = (5 * of_year + 2) // 153  # months from March on have 153 days in five
    day = of_year - (153 * from_march + 2) // 5 + 1
    month = from_march + 3 if from_march < 10 else from_march - 9
    return 400 * era + years + (month <= 2), month, day
