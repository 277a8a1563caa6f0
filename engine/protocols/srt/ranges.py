"""A set of positions kept as ranges: what a receiver misses, what a sender has been asked for again.

Ascending, disjoint, never touching. Eight thousand packets missing in a row are one range here.
"""

from bisect import bisect_left, bisect_right


class RangeSet:
    """Positions, in order."""

    __slots__ = ("_firsts", "_lasts")

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []

    def __bool__(self) -> bool:
        return bool(self._firsts)

    def __len__(self) -> int:
        return sum(self._lasts) - sum(self._firsts) + len(self._firsts)

    def insert(self, first: int, last: int) -> int:
        """Add first … last. Gives how many of them are new."""
        begin = bisect_left(self._lasts, first - 1)
        end = bisect_right(self._firsts, last + 1)
        known = sum(
            max(0, min(self._lasts[at], last) - max(self._firsts[at], first) + 1) for at in range(begin, end)
        )
        if begin < end:
            merged = min(first, self._firsts[begin]), max(last, self._lasts[end - 1])
        else:
            merged = first, last
        self._firsts[begin:end] = [merged[0]]
        self._lasts[begin:end] = [merged[1]]
        return last - first + 1 - known

    @property
    def first(self) -> tuple[int, int] | None:
        """The first range, if there is one."""
        return (self._firsts[0], self._lasts[0]) if self._firsts else None

    def remove(self, position: int) -> bool:
        """Take a position out. False if it was not in."""
        at = bisect_right(self._firsts, position) - 1
        if at < 0 or self._lasts[at] < position:
            return False
        rest = [(self._firsts[at], position - 1), (position + 1, self._lasts[at])]
        self._firsts[at : at + 1] = [first for first, last in rest if first <= last]
        self._lasts[at : at + 1] = [last for first, last in rest if first <= last]
        return True

    def clear(self) -> None:
        """Forget everything."""
        self._firsts.clear()
        self._lasts.clear()

    def pop(self) -> int:
        """Take the first position out. IndexError if there is none."""
        first = self._firsts[0]
        if first == self._lasts[0]:
            del self._firsts[0], self._lasts[0]
        else:
            self._firsts[0] = first + 1
        return first

    def drop_before(self, position: int) -> None:
        """Forget everything before `position`."""
        gone = bisect_left(self._lasts, position)
        del self._firsts[:gone], self._lasts[:gone]
        if self._firsts and self._firsts[0] < position:
            self._firsts[0] = position
