"""Where what lives as long as the engine is kept in files: on tmpfs, private to this engine, gone with it.

Metrics files in one such folder, segments of HLS in another.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

SHARED_MEMORY: Final = Path("/dev/shm")
METRICS_PREFIX: Final = "fanlight-metrics-"
SEGMENTS_PREFIX: Final = "fanlight-hls-"


class PrivateFolder:
    """An empty directory that is known to be in use by a lock on it.

    Not by the pid in its name: that one may be somebody else's by now, or another container's on a shared
    /dev/shm. Workers inherit the lock with its descriptor, so an orphan that is still draining keeps its
    directory.
    """

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def create(cls, environ: Mapping[str, str], prefix: str) -> Self:
        """A new one; what engines that were killed have left beside it is removed.

        RUNTIME_DIRECTORY is systemd's (RuntimeDirectory=, on the tmpfs below /run); /dev/shm is there nearly
        everywhere else.
        """
        parent = _parent(environ)
        _sweep(parent, prefix)
        while True:
            path = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-", dir=parent))
            lock = _lock(path)
            if lock is not None:
                return cls(path, lock)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _parent(environ: Mapping[str, str]) -> Path:
    given = environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    if given and os.access(given, os.W_OK):
        return Path(given)
    return SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else Path(tempfile.gettempdir())


def _lock(path: Path) -> int | None:
    """The lock on a new folder; None if an engine that starts just now has swept it away before that."""
    try:
        lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    fcntl.flock(lock, fcntl.LOCK_EX)
    if _is_at(path, lock):
        return lock
    os.close(lock)
    return None


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _sweep(parent: Path, prefix: str) -> None:
    for path in parent.glob(f"{prefix}*"):
        _remove_if_abandoned(path)


def _remove_if_abandoned(path: Path) -> None:
    try:
        lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # another user's, or gone already
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)  # with the lock: whoever waits for it finds the folder gone
    except BlockingIOError:
        pass
    finally:
        os.close(lock)
