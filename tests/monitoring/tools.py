"""Debian's promtool and amtool."""

import subprocess
from pathlib import Path
from typing import Final

TIMEOUT_S: Final = 100.0


def run(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one of them to its end."""
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )


def content(program: str, *arguments: str | Path) -> str:
    """Run one that must be content; gives what it says."""
    done = run(program, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
