"""Where the spool is, and that it is this engine's alone."""

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

LOCK_NAME: Final = "lock"


class InUse(Exception):
    """Another engine has this folder."""


def folder_for(configured: str, environ: Mapping[str, str]) -> Path:
    """The configured one, or the place that the system has for a program's state.

    STATE_DIRECTORY is systemd's (StateDirectory=), XDG_STATE_HOME the desktop's.
    """
    if configured:
        return Path(configured)
    given = environ.get("STATE_DIRECTORY", "").split(":")[0]
    if given:
        return Path(given) / "hooks"
    home = environ.get("XDG_STATE_HOME") or str(Path(environ.get("HOME") or "/var/lib") / ".local" / "state")
    return Path(home) / "fanlight" / "hooks"


def lock(folder: Path) -> int:
    """Make the folder if need be and take it; the descriptor holds it until it is closed, or its process
    dies.

    Raises InUse, OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    held = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        raise InUse(f"{folder} is in use by another engine") from None
    except BaseException:
        os.close(held)
        raise
    return held
