"""A configuration on its way from the supervisor to its workers.

One with thousands of keys is longer than any packet of the bus, so it lies in memory of its own, and the
message brings the descriptor. It is sealed: all workers read the same pages, and none can change them.

Why not a file in the engine's folder: there are secrets in it, and memory without a name is gone with its
last reader. Why not in the packet where it fits: the way that is seldom gone is the one that breaks.
"""

import fcntl
import os
from typing import Final

from engine.config import Config, decode, encode

_SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


def seal(config: Config) -> int:
    """A descriptor of the configuration, the caller's to close. Raises OSError."""
    fd = os.memfd_create("fanlight-config", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with open(fd, "wb", closefd=False) as file:
            file.write(encode(config))
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(fd)
        raise
    return fd


def read_sealed(fd: int) -> Config:
    """What `seal` put there. The descriptors of all workers share one place in it, so that none moves it."""
    return decode(os.pread(fd, os.fstat(fd).st_size, 0))
