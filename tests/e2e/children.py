"""Programs that tests start: whatever is left of them when a test is over, for it failed, is ended."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from tests.e2e.engine_process import die_with_parent

_started: Final[list[subprocess.Popen[bytes]]] = []


def start(
    arguments: Sequence[str | Path],
    *,
    stdin: IO[bytes] | None = None,
    stdout: IO[bytes] | int | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program whose standard error is kept for whoever waits for its end.

    It ends with the thread that starts it, so call this in the one that runs the tests.
    """
    child = subprocess.Popen(
        arguments,
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        cwd=cwd,
        preexec_fn=die_with_parent,
    )
    _started.append(child)
    return child


@contextmanager
def ended(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Kill the child at the end of the block: one that would go on for ever."""
    try:
        yield
    finally:
        child.kill()
        child.communicate()


@contextmanager
def kept(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """The same for a child that several tests share: it outlives each of them, though not the block."""
    _started.remove(child)
    with ended(child):
        yield


def end_all() -> None:
    """Kill what a failed test left: found later, it would be charged to another test."""
    while _started:
        child = _started.pop()
        if child.returncode is None:
            child.kill()
            child.communicate()
