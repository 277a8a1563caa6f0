"""A configuration on its way from the supervisor to its workers.

It is in the order itself where that holds it. One with thousands of keys is longer than any packet of the
bus, so it lies in memory of its own, and the order brings the descriptor. That memory is sealed: all workers
read the same pages, and none can change them.

Why not a file in the engine's folder: there are secrets in it, and memory without a name is gone with its
last reader. Why not sealed memory for all: a worker that is at its limit of open files cannot take a
descriptor, and that is when an operator sets other limits.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from engine.config import Config, decode, encode
from workers.runtime.messages import Reload
from workers.runtime.packets import MAX_PACKET_BYTES, Descriptors

MAX_PACKED_BYTES: Final = MAX_PACKET_BYTES - 64  # the envelope, the message's name and lengths take some 20

_SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


class Order(NamedTuple):
    """What tells a worker of a configuration: the message, and the descriptors that go with it."""

    message: Reload
    descriptors: tuple[int, ...]


@contextmanager
def order_of(config: Config) -> Iterator[Order]:
    """The order for as many workers as there are, to be sent inside the block. Raises OSError."""
    config_json = encode(config)
    if len(config_json) <= MAX_PACKED_BYTES:
        yield Order(Reload(config_json), ())
        return
    fd = seal(config_json)
    try:
        yield Order(Reload(), (fd,))
    finally:
        os.close(fd)


def config_in(message: Reload, descriptors: Descriptors) -> Config:
    """What `order_of` was made of."""
    return decode(message.config_json) if message.config_json else read_sealed(descriptors.first())


def seal(config_json: bytes) -> int:
    """A descriptor of the configuration, the caller's to close. Raises OSError."""
    fd = os.memfd_create("fanlight-config", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with open(fd, "wb", closefd=False) as file:
            file.write(config_json)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(fd)
        raise
    return fd


def read_sealed(fd: int) -> Config:
    """What `seal` put there. The descriptors of all workers share one place in it, so that none moves it."""
    return decode(os.pread(fd, os.fstat(fd).st_size, 0))
