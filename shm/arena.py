"""One sealed memfd for everything that processes share.

Why a memfd and never a name: nothing is left behind when the last process dies, Python's resource tracker
cannot unlink it (cpython#82300), it does not count against the size of /dev/shm, and its descriptor passes
over fork, exec and sockets. Sealed against shrinking, so that a mapped page can never vanish under a
reader; sealed against growing, so that the geometry in its header stays the truth.

`ftruncate` promises no memory. Touching a page that the kernel cannot back is SIGBUS, which nobody can
catch; so every range is reserved with `posix_fallocate` before its first store, and a refusal is
`ArenaFull` in that moment.

A process has at most two mappings, each of the whole arena and made when first asked for: one that the
hardware keeps read-only, one writable. Everything else is a slice of these: a mapping per ring would cost a
descriptor per ring, since Python's mmap duplicates the one it is given. A mapping lives until the arena is
closed and its last view is gone.
"""

import errno
import fcntl
import mmap
import os
from typing import Final, Self

from shm.errors import ArenaFull, LayoutMismatch, UnsupportedMachine
from shm.layout import (
    HEADER_CREATOR_PID,
    HEADER_CREATOR_START_TICKS,
    HEADER_INDEX_ENTRIES,
    HEADER_MAGIC,
    HEADER_RING_BYTES,
    HEADER_STREAMS,
    HEADER_TOTAL_BYTES,
    HEADER_VERSION,
    HEADER_WORKERS,
    LAYOUT_VERSION,
    MAGIC,
    PAGE_BYTES,
    Geometry,
)
from shm.process import start_ticks

SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
REFUSALS: Final = frozenset({errno.ENOSPC, errno.ENOMEM, errno.EFBIG, errno.EDQUOT})
PROVEN_MACHINES: Final = frozenset({"x86_64"})


class Arena:
    """The shared memory of one engine. Make one with `create` (supervisor) or `attach` (everybody else)."""

    def __init__(self, fd: int, geometry: Geometry) -> None:
        self.fd = fd
        self.geometry = geometry
        self._read_only: memoryview | None = None
        self._writable: mmap.mmap | None = None

    @classmethod
    def create(cls, geometry: Geometry) -> Self:
        """A new, empty arena. Raises UnsupportedMachine, or ArenaFull when the fixed pages are refused."""
        refuse_unproven_machine()
        fd = os.memfd_create("fanlight", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        arena = cls(fd, geometry)
        try:
            arena._lay_out()
        except BaseException:
            arena.close()
            raise
        return arena

    @classmethod
    def attach(cls, fd: int) -> Self:
        """The arena behind `fd`, which stays the caller's: the arena keeps a duplicate.

        Raises UnsupportedMachine, or LayoutMismatch when `fd` is not an arena of this version.
        """
        refuse_unproven_machine()
        geometry = read_geometry(fd)
        return cls(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 0), geometry)

    def map(self, offset: int, length: int, *, writable: bool) -> memoryview:
        """Bytes `[offset, offset + length)`; raises IndexError outside the arena."""
        if not 0 <= offset <= offset + length <= self.geometry.total_bytes:
            raise IndexError(f"no bytes {offset}..{offset + length} in this arena")
        whole = memoryview(self._writable_mapping()) if writable else self._read_only_view()
        return whole[offset : offset + length]

    def reserve(self, offset: int, length: int) -> None:
        """Have the kernel back this range with memory, whatever happens later. Raises ArenaFull.

        Costs about 0.25 ms per fresh MiB; what is reserved already costs little.
        """
        try:
            os.posix_fallocate(self.fd, offset, length)
        except OSError as error:
            if error.errno in REFUSALS:
                raise ArenaFull(f"no memory for {length} bytes at {offset}: {error.strerror}") from error
            raise

    def release(self, offset: int, length: int) -> None:
        """Give the memory of these whole pages back; they read as zeros until reserved and written again."""
        self._writable_mapping().madvise(mmap.MADV_REMOVE, offset, length)

    @property
    def resident_bytes(self) -> int:
        """Memory that the arena holds at present, over all processes."""
        return os.fstat(self.fd).st_blocks * 512

    def close(self) -> None:
        """Close the descriptor and let go of the mappings. Views that are still held stay readable."""
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1
        self._read_only = self._writable = None

    def _lay_out(self) -> None:
        try:
            os.ftruncate(self.fd, self.geometry.total_bytes)
        except OSError as error:
            raise ArenaFull(f"no arena of {self.geometry.total_bytes} bytes: {error.strerror}") from error
        fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, SEALS)
        self._reserve_fixed_pages()
        self._write_header()

    def _reserve_fixed_pages(self) -> None:
        self.reserve(0, self.geometry.headers_offset)
        for slot in range(self.geometry.streams):
            self.reserve(self.geometry.ring_offset(slot), PAGE_BYTES)

    def _write_header(self) -> None:
        words = self.map(0, PAGE_BYTES, writable=True).cast("Q")
        words[HEADER_VERSION] = LAYOUT_VERSION
        words[HEADER_TOTAL_BYTES] = self.geometry.total_bytes
        words[HEADER_WORKERS] = self.geometry.workers
        words[HEADER_STREAMS] = self.geometry.streams
        words[HEADER_RING_BYTES] = self.geometry.ring_bytes
        words[HEADER_INDEX_ENTRIES] = self.geometry.index_entries
        words[HEADER_CREATOR_PID] = os.getpid()
        words[HEADER_CREATOR_START_TICKS] = start_ticks(os.getpid())
        words[HEADER_MAGIC] = MAGIC  # last: whoever sees it sees the rest

    def _writable_mapping(self) -> mmap.mmap:
        if self._writable is None:
            self._writable = mmap.mmap(self.fd, self.geometry.total_bytes, access=mmap.ACCESS_WRITE)
        return self._writable

    def _read_only_view(self) -> memoryview:
        if self._read_only is None:
            mapping = mmap.mmap(self.fd, self.geometry.total_bytes, access=mmap.ACCESS_READ)
            self._read_only = memoryview(mapping)
        return self._read_only


def refuse_unproven_machine() -> None:
    machine = os.uname().machine
    if machine not in PROVEN_MACHINES:
        raise UnsupportedMachine(
            f"the ring relies on the memory order of x86-64 and is unproven on {machine} (see shm/layout.py)"
        )


def read_geometry(fd: int) -> Geometry:
    """Check that `fd` is a sealed arena of this layout version; its geometry. Raises LayoutMismatch."""
    if (size := os.fstat(fd).st_size) < PAGE_BYTES:
        raise LayoutMismatch(f"{size} bytes are no arena")
    refuse_unsealed(fd)
    with mmap.mmap(fd, PAGE_BYTES, access=mmap.ACCESS_READ) as page:
        words = [int.from_bytes(page[at : at + 8], "little") for at in range(0, 16 * 8, 8)]
    if words[HEADER_MAGIC] != MAGIC:
        raise LayoutMismatch("the magic word is not there")
    if words[HEADER_VERSION] != LAYOUT_VERSION:
        raise LayoutMismatch(f"layout version {words[HEADER_VERSION]}, this engine has {LAYOUT_VERSION}")
    return checked_geometry(words, size)


def refuse_unsealed(fd: int) -> None:
    try:
        seals = fcntl.fcntl(fd, fcntl.F_GET_SEALS)
    except OSError as error:
        raise LayoutMismatch("the descriptor is not a memfd") from error
    if seals & SEALS != SEALS:
        raise LayoutMismatch("the memory is not sealed: its pages could vanish under a reader")


def checked_geometry(words: list[int], size: int) -> Geometry:
    """The geometry that a header of these words gives, if that fits a memfd of `size` bytes."""
    try:
        geometry = Geometry(
            workers=words[HEADER_WORKERS],
            streams=words[HEADER_STREAMS],
            ring_bytes=words[HEADER_RING_BYTES],
            index_entries=words[HEADER_INDEX_ENTRIES],
        )
    except ValueError as error:
        raise LayoutMismatch(str(error)) from error
    if not geometry.total_bytes == words[HEADER_TOTAL_BYTES] == size:
        raise LayoutMismatch(f"{geometry} needs {geometry.total_bytes} bytes, there are {size}")
    return geometry
