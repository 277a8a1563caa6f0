"""Which process of an engine holds a connection, as the kernel tells it."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.e2e.engine_process import RunningEngine

OURS: Final = 1
THEIRS: Final = 2
INODE: Final = 9
"""Columns of /proc/net/tcp, see proc_pid_net(5)."""


def holder_of(engine: RunningEngine, port: str, client: str) -> str:
    """The worker that has the engine's end of a connection.

    Args:
        port: the kind of port that the client has connected to, "rtmps".
        client: the client's end, "127.0.0.1:number"; the number alone may be in use elsewhere too.
    """
    ends = [_written(engine.addresses[port]), _written(client)]
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines())
    (inode,) = (row[INODE] for row in rows if row[OURS : THEIRS + 1] == ends)
    (name,) = (name for name, pid in engine.pids().items() if f"socket:[{inode}]" in _open_files(pid))
    return name


def _written(address: str) -> str:
    """An address of 127.0.0.1 as the kernel writes it."""
    return f"0100007F:{int(address.rpartition(':')[2]):04X}"


def _open_files(pid: int) -> set[str]:
    files = set[str]()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            files.add(os.readlink(file))
    return files
