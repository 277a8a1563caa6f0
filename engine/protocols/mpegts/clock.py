"""Time in a transport stream: 33 bits of 90 kHz that wrap after 26.5 hours.

All times inside this package are ticks of 90 kHz on an unwrapped line. A 33-bit value is placed nearest to
the newest time known, whichever track that was, so that tracks which wrap a moment apart stay together. Jumps
(an encoder restarts) pass: `engine.media.timeline` repairs them, here they only choose the nearest of the
possible readings.
"""

from typing import Final

from engine.protocols.mpegts.limits import MAX_COMPOSITION_S

TICKS_PER_S: Final = 90_000
TICKS_PER_MS: Final = TICKS_PER_S // 1000
STAMP_BITS: Final = 33  # ISO 13818-1 §2.4.3.7
STAMP_MASK: Final = (1 << STAMP_BITS) - 1
_HALF: Final = 1 << (STAMP_BITS - 1)
_MAX_COMPOSITION: Final = MAX_COMPOSITION_S * TICKS_PER_S
PCR_PER_TICK: Final = 300  # 27 MHz, ISO 13818-1 §2.4.3.5
_PCR_PER_US: Final = 27
_PCR_MODULUS: Final = PCR_PER_TICK << STAMP_BITS
_JITTER_SHIFT: Final = 4  # RFC 3550 §6.4.1: a sixteenth of each difference
_MAX_PCR_STEP_US: Final = 1_000_000  # 100 ms by the standard; beyond a second it is a jump, not jitter


def unwrap(stamp: int, near: int) -> int:
    """Return the time that has these low 33 bits and is nearest to `near`."""
    return near + ((stamp - near + _HALF) & STAMP_MASK) - _HALF


def ms_of(ticks: int) -> int:
    """Round to milliseconds; 90 times as many come back as the same tick."""
    return (ticks + 45) // 90


def us_of(ticks: int) -> int:
    """Round to microseconds; `ticks_of_us` comes back to the same tick."""
    return (ticks * 200 + 9) // 18


def ticks_of_us(us: int) -> int:
    """Round microseconds to ticks."""
    return (us * 9 + 50) // 100


class TsClock:
    """The time line of one reader."""

    def __init__(self) -> None:
        self._newest: int | None = None
        self._pcr: int | None = None
        self._pcr_at_us = 0
        self._jitter_16 = 0  # sixteenths of a microsecond

    def place(self, pts: int, dts: int | None) -> tuple[int, int]:
        """Return (dts, pts) on the unwrapped line. A decoding time far from the other is not believed."""
        decoded = pts if dts is None else dts
        near = decoded if self._newest is None else self._newest
        at = self._newest = unwrap(decoded, near)
        shown = unwrap(pts, at)
        if abs(shown - at) > _MAX_COMPOSITION:
            at = self._newest = shown
        return at, shown

    def take_pcr(self, pcr: int, now_us: int) -> None:
        """A programme clock reference, 27 MHz modulo 2^33 x 300, has arrived."""
        if self._pcr is not None:
            step_us = (pcr - self._pcr) % _PCR_MODULUS // _PCR_PER_US
            if step_us <= _MAX_PCR_STEP_US:
                off_us = abs(now_us - self._pcr_at_us - step_us)
                self._jitter_16 += off_us - (self._jitter_16 >> _JITTER_SHIFT)
        self._pcr, self._pcr_at_us = pcr, now_us

    def break_pcr(self) -> None:
        """The clock's next reference has nothing to do with the last one."""
        self._pcr = None

    @property
    def jitter_us(self) -> int:
        return self._jitter_16 >> _JITTER_SHIFT
