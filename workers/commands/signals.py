"""SIGTERM for commands that have something to say goodbye to: the same as Ctrl-C."""

import signal
from typing import NoReturn


def obey_sigterm() -> None:
    """From now on SIGTERM raises KeyboardInterrupt in the main thread, as SIGINT does."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt
