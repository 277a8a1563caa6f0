"""Child processes of a command: they end with it, whatever ends it."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

PR_SET_PDEATHSIG: Final = 1  # prctl(2)
_LIBC: Final = ctypes.CDLL(None)

Child: TypeAlias = "subprocess.Popen[bytes]"


def start_module(
    module: str, arguments: Sequence[str], environ: Mapping[str, str], stdout: int | None = None
) -> Child:
    """Start `python -m module`, its output going to the descriptor `stdout` if one is given.

    It does not get the terminal's Ctrl-C: its parent tells it when to stop.
    """
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        start_new_session=True,
        preexec_fn=_end_with(os.getpid()),
    )


def stop(child: Child, patience_s: float) -> None:
    """Ask it to end, and make it if it has not within `patience_s`."""
    child.terminate()
    try:
        child.wait(patience_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _end_with(parent: int) -> Callable[[], None]:
    def prepare() -> None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died in between, and nobody will tell us
            os._exit(1)

    return prepare
