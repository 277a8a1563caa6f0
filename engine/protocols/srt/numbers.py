"""The three numbers of SRT that wrap around.

A packet's sequence number has 31 bits, a message's number 26 (and is never 0), a timestamp 32 (microseconds,
a turn takes 71 min 35 s). Comparing or subtracting such numbers as plain integers is right until the day it
is not, so each is a type of its own that has only the arithmetic that survives a wrap. Order exists between
numbers that are less than half a turn apart, which everything in a live connection is by far.

The paths that run once per packet use the functions, on plain integers within range; the types are the same
arithmetic for everything else. Differences are signed: `seq_diff(a, b)` is how far a is ahead of b.
"""

from collections.abc import Callable
from typing import ClassVar, Final, NamedTuple, Self

import msgspec

SEQ_MASK: Final = 0x7FFF_FFFF
MSGNO_MASK: Final = 0x03FF_FFFF
TS_MASK: Final = 0xFFFF_FFFF

_SEQ_HALF: Final = 0x4000_0000
_TS_HALF: Final = 0x8000_0000
_MSGNO_HALF: Final = MSGNO_MASK // 2


def seq_add(seq: int, count: int) -> int:
    """The sequence number `count` (which may be negative) after `seq`."""
    return (seq + count) & SEQ_MASK


def seq_diff(a: int, b: int) -> int:
    """How far `a` is ahead of `b`, in packets: -2^30 … 2^30-1."""
    return ((a - b + _SEQ_HALF) & SEQ_MASK) - _SEQ_HALF


def ts_add(timestamp_us: int, count_us: int) -> int:
    """The timestamp `count_us` (which may be negative) after this one."""
    return (timestamp_us + count_us) & TS_MASK


def ts_diff(a_us: int, b_us: int) -> int:
    """How far `a_us` is ahead of `b_us`, in microseconds: -2^31 … 2^31-1."""
    return ((a_us - b_us + _TS_HALF) & TS_MASK) - _TS_HALF


def msgno_add(msgno: int, count: int) -> int:
    """The message number `count` (which may be negative) after `msgno`; 0 is left out of the turn."""
    return (msgno - 1 + count) % MSGNO_MASK + 1


def msgno_diff(a: int, b: int) -> int:
    """How far `a` is ahead of `b`, in messages."""
    return (a - b + _MSGNO_HALF) % MSGNO_MASK - _MSGNO_HALF


class _Arithmetic(NamedTuple):
    """How to count on one circle."""

    add: Callable[[int, int], int]
    diff: Callable[[int, int], int]


class _Wrapping(msgspec.Struct, frozen=True, gc=False):
    """A place on a circle. Subclasses say which."""

    value: int

    _on: ClassVar[_Arithmetic]

    def __add__(self, count: int) -> Self:
        return type(self)(self._on.add(self.value, count))

    def __sub__(self, other: Self) -> int:
        return self._on.diff(self.value, other.value)

    def __lt__(self, other: Self) -> bool:
        return self - other < 0

    def __le__(self, other: Self) -> bool:
        return self - other <= 0

    def __gt__(self, other: Self) -> bool:
        return self - other > 0

    def __ge__(self, other: Self) -> bool:
        return self - other >= 0


class SeqNo31(_Wrapping, frozen=True, gc=False):
    """A packet's sequence number (draft section 3.1)."""

    _on = _Arithmetic(seq_add, seq_diff)

    def __post_init__(self) -> None:
        if not 0 <= self.value <= SEQ_MASK:
            raise ValueError(f"{self.value} is not a 31-bit sequence number")


class MsgNo26(_Wrapping, frozen=True, gc=False):
    """A message's number, from 1; 0 stands for "no message" in a DROPREQ (draft section 3.2.9)."""

    _on = _Arithmetic(msgno_add, msgno_diff)

    def __post_init__(self) -> None:
        if not 1 <= self.value <= MSGNO_MASK:
            raise ValueError(f"{self.value} is not a 26-bit message number")


class Ts32(_Wrapping, frozen=True, gc=False):
    """A packet's timestamp: microseconds since its sender's start, modulo 2^32 (draft section 3)."""

    _on = _Arithmetic(ts_add, ts_diff)

    def __post_init__(self) -> None:
        if not 0 <= self.value <= TS_MASK:
            raise ValueError(f"{self.value} is not a 32-bit timestamp")
