"""The three standard streams of a process that stays: there, whatever it was started with.

A descriptor that its parent has closed is the next one to be given out: to the arena's memory perhaps, or
to a player's socket, and what is meant for the log or for standard error would go there.
"""

import os
from typing import Final

STANDARD: Final = (0, 1, 2)


def hold_standard_streams() -> None:
    """Open /dev/null in the place of those that are closed. Comes before anything else is opened."""
    for descriptor in STANDARD:
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the kernel gives the lowest number that is free: this one
