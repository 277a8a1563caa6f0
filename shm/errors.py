"""What can go wrong with shared memory, each with the one sensible answer to it.

None of these is a bug in itself: full, lapped and lost are ordinary outcomes that callers count and act on.
Anything else that escapes from `shm` is a bug.
"""


class ShmError(Exception):
    """Base of every error that `shm` raises on purpose."""


class UnsupportedMachine(ShmError):
    """This processor's memory order has not been proven for the ring (see `shm/layout.py`). Do not start."""


class LayoutMismatch(ShmError):
    """The descriptor is not an arena of this layout version and geometry. Do not touch it."""


class ArenaFull(ShmError):
    """The kernel refused memory; nothing is half written. Refuse the publisher, keep the others."""


class DirectoryFull(ShmError):
    """Every stream slot of this ingest is taken. Refuse the publisher."""


class TagTooLarge(ShmError):
    """One tag would take more than a quarter of the ring. Nothing was written: refuse the publisher."""


class Lapped(ShmError):
    """The writer has overwritten, or is overwriting, what was asked for. Go on at a later start point."""


class LostRing(ShmError):
    """Somebody else holds the ring's epoch now. Stop writing, close the publisher."""
