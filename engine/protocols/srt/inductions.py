"""How many inductions of one address are answered, without remembering addresses.

A table of fixed size counts; which cell an address counts in is a hash under a key that nobody outside
knows. Each second begins with zeros. Two addresses may share a cell, which matters only to whoever shares it
with an attacker, and only for the rest of that second's budget.
"""

import hashlib
from array import array

from engine.protocols.srt.limits import INDUCTION_CELLS, MAX_INDUCTIONS_PER_S


class InductionBudget:
    """Counts inductions by address and second."""

    def __init__(self, secret: bytes, per_s: int = MAX_INDUCTIONS_PER_S) -> None:
        self._key = secret[:64]
        self._per_s = per_s
        self._second = -1
        self._counts = array("I")

    def spend(self, host: str, now_us: int) -> bool:
        """Count one induction; false when this address has had its share of the second."""
        second = now_us // 1_000_000
        if second != self._second:
            self._second = second
            self._counts = array("I", bytes(4 * INDUCTION_CELLS))
        digest = hashlib.blake2b(host.encode(), key=self._key, digest_size=4).digest()
        cell = int.from_bytes(digest, "big") % INDUCTION_CELLS
        self._counts[cell] += 1
        return self._counts[cell] <= self._per_s
