"""How many later packets may come before a missing one counts as lost.

Learnt as libsrt learns it (SRTO_LOSSMAXTTL): a packet that comes late without having been sent twice was
overtaken, by so many, and from then on the next ones are given as much. Fifty packets in order take one off.
"""

from engine.protocols.srt.live_limits import MAX_REORDER_TOLERANCE, ORDERED_PACKETS_PER_TOLERANCE


class ReorderTolerance:
    """The tolerance of one receiver. `in_order` counts packets in order and is public for the short way."""

    __slots__ = ("_most", "distance", "in_order", "packets")

    def __init__(self, most: int = MAX_REORDER_TOLERANCE) -> None:
        self.packets = 0
        self.distance = 0
        """The farthest that a packet has been overtaken."""
        self.in_order = 0
        self._most = most

    def overtaken(self, by: int) -> None:
        """A packet came after `by` later ones."""
        self.settle()
        self.in_order = 0
        self.distance = max(self.distance, by)
        self.packets = max(self.packets, min(by, self._most))

    def settle(self) -> None:
        """Turn packets in order into a lower tolerance."""
        turns, self.in_order = divmod(self.in_order, ORDERED_PACKETS_PER_TOLERANCE)
        self.packets = max(0, self.packets - turns)
