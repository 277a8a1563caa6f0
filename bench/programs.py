"""Programs of other people that a benchmark runs beside the servers: one process each, with its account."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from bench import cpu

STOP_S: Final = 5.0
"""How long a program has to end when it is asked to."""

NOWHERE: Final = Path("/dev/null")


class Program:
    """One running program. What it says goes into files, since nobody reads along."""

    def __init__(self, command: Sequence[str], *, output: Path = NOWHERE, complaints: Path = NOWHERE) -> None:
        with output.open("wb") as said, complaints.open("wb") as complained:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=complained
            )

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def cpu_s(self) -> float:
        """Processor time so far."""
        return cpu.process_s(self._process.pid)

    def close(self) -> None:
        """End it."""
        end(self._process, STOP_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def end(process: subprocess.Popen[bytes], patience_s: float) -> None:
    """End a process politely, then not."""
    process.terminate()
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
