"""How the processes of a benchmark talk: JSON lines, commands in on stdin, answers out on stdout.

A child ends when its stdin does, so nothing outlives the process that started it.
"""

import contextlib
import json
import os
import resource
import select
import subprocess
import sys
from typing import Any, Self

Answer = dict[str, Any]


class ChildFailed(Exception):
    """A process of the benchmark ended or said nothing in time."""


def say(**answer: object) -> None:
    """One answer line."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def raise_descriptor_limit() -> int:
    """Allow as many descriptors as the machine lets us; how many that is."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Commands:
    """The command lines that have arrived on a child's stdin, never waited for."""

    def __init__(self) -> None:
        self.fd = sys.stdin.fileno()
        os.set_blocking(self.fd, False)
        self._pending = b""
        self.ended = False

    def fileno(self) -> int:
        """For select."""
        return self.fd

    def read(self) -> list[list[str]]:
        """All whole lines since the last call, split into words; sets `ended` at the end of input."""
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            return []
        self.ended = self.ended or not data
        *lines, self._pending = (self._pending + data).split(b"\n")
        return [line.decode().split() for line in lines if line.strip()]


class Child:
    """A process of the benchmark, seen by the one that started it."""

    def __init__(self, module: str, *arguments: str) -> None:
        self.name = module
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._pending = b""

    @property
    def pid(self) -> int:
        """Of the process, for its accounts."""
        return self._process.pid

    def tell(self, *words: object) -> None:
        """Send a command."""
        assert self._process.stdin is not None
        self._process.stdin.write((" ".join(map(str, words)) + "\n").encode())
        self._process.stdin.flush()

    def hear(self, timeout_s: float = 60.0) -> Answer:
        """The next answer."""
        assert self._process.stdout is not None
        fd = self._process.stdout.fileno()
        while b"\n" not in self._pending:
            ready, _, _ = select.select([fd], [], [], timeout_s)
            data = os.read(fd, 65536) if ready else b""
            if not data:
                raise ChildFailed(f"{self.name} {'ended' if ready else f'said nothing for {timeout_s:g} s'}")
            self._pending += data
        line, _, self._pending = self._pending.partition(b"\n")
        answer: Answer = json.loads(line)
        return answer

    def ask(self, *words: object, timeout_s: float = 60.0) -> Answer:
        """Send a command and wait for its answer."""
        self.tell(*words)
        return self.hear(timeout_s)

    def close(self) -> None:
        """End it by closing its input; kill it if that does not help."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended by itself
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
