"""The unit's sandbox as a prefix for a command line, and the folders that a command may write into there."""

import json
import os
import shutil
import socket
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.deploy import confinement
from tests.deploy.units import allowed_calls, service
from tests.house.source import ROOT

STRANGER: Final = 65534  # nobody, on every Linux
RUN_BY_ROOT: Final = os.geteuid() == 0


class Sandbox:
    """A home for one run: `folder` is open to be looked at, and `runtime`, `state` and `logs` below it are
    its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uid, self.gid = (STRANGER, STRANGER) if RUN_BY_ROOT else (os.geteuid(), os.getegid())
        folder.chmod(0o755)
        self.runtime = self._own_folder("runtime", service("RuntimeDirectoryMode"))
        self.state = self._own_folder("state", service("StateDirectoryMode"))
        self.logs = self._own_folder("logs", service("LogsDirectoryMode"))

    def _own_folder(self, name: str, mode: str) -> Path:
        path = self.folder / name
        path.mkdir()
        path.chmod(int(mode, 8))
        os.chown(path, self.uid, self.gid)
        return path

    @property
    def prefix(self) -> list[str]:
        """What has to stand before a command, which begins with the path of a program."""
        families = service("RestrictAddressFamilies").split()
        specification = {
            "uid": self.uid,
            "gid": self.gid,
            "may_look_everywhere": may_look_everywhere(),
            "umask": service("UMask"),
            "limits": {"NOFILE": int(service("LimitNOFILE")), "CORE": int(service("LimitCORE"))},
            # /tmp for PrivateTmp=, and first, since the others may lie below it. Without any folder for
            # temporary files a library refuses to be imported (dill).
            "writable": ["/tmp", str(self.runtime), str(self.state), str(self.logs)],
            "families": [int(getattr(socket, family)) for family in families],
            "calls": sorted(allowed_calls()),
        }
        return [sys.executable, "-I", confinement.__file__, json.dumps(specification)]

    @property
    def environ(self) -> dict[str, str]:
        """The environment as systemd makes it: little, and the folders."""
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "RUNTIME_DIRECTORY": str(self.runtime),
            "STATE_DIRECTORY": str(self.state),
            "LOGS_DIRECTORY": str(self.logs),
        }


@contextmanager
def sandbox() -> Iterator[Sandbox]:
    """One that is gone afterwards. Not below pytest's own folder, which no other user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="fanlight-sandbox-"))
    try:
        yield Sandbox(folder)
    finally:
        shutil.rmtree(folder)


def may_look_everywhere() -> bool:
    """Whether the other user gets the one capability that lets him look. It lets nobody write.

    He does where he could not even start this Python. Raises AssertionError where root has it not to give, as
    in a container with Docker's own set.
    """
    barring = barring_folders()
    assert not barring or can_give(confinement.DAC_READ_SEARCH), (
        f"nobody but root may enter {', '.join(map(str, barring))}, and root has no CAP_DAC_READ_SEARCH here "
        "to give away: have the checkout and Python where all may enter, or run the tests as another user"
    )
    return bool(barring)


def barring_folders() -> list[Path]:
    """Those that keep another user from this Python or this project: root's own home has it, perhaps."""
    needed = (Path(sys.executable).absolute(), Path(sys.executable).resolve(), ROOT / "pyproject.toml")
    folders = {parent for path in needed for parent in path.parents}
    return sorted(folder for folder in folders if RUN_BY_ROOT and not folder.stat().st_mode & stat.S_IXOTH)


def can_give(capability: int) -> bool:
    """Whether this process may hand the capability on to a command, see capabilities(7)."""
    rows = (row.split() for row in Path("/proc/self/status").read_text().splitlines())
    sets = {row[0]: int(row[1], 16) for row in rows if row[0] in ("CapPrm:", "CapBnd:")}
    return all(held >> capability & 1 for held in sets.values())
