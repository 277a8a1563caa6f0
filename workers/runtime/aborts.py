"""Where a process hung that is aborted: its stacks, on standard error."""

import faulthandler
import sys


def trace_aborts() -> None:
    """For the watchdog's SIGABRT: where it hung is worth more than a core."""
    if sys.stderr is not None:  # closed by whoever started the engine: there is nobody to tell
        faulthandler.enable()
