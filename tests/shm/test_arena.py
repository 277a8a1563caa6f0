"""One memfd for all: attached, sealed, mapped, reserved, refused."""

import errno
import fcntl
import os
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from shm.arena import SEALS, Arena
from shm.errors import ArenaFull, LayoutMismatch, UnsupportedMachine
from shm.layout import HEADER_MAGIC, HEADER_STREAMS, HEADER_VERSION, HEADER_WORKERS, PAGE_BYTES
from tests.shm.conftest import SMALL


def test_what_one_process_writes_another_attachment_reads(arena: Arena) -> None:
    other = Arena.attach(arena.fd)
    arena.map(PAGE_BYTES, 5, writable=True)[:] = b"hello"
    assert bytes(other.map(PAGE_BYTES, 5, writable=False)) == b"hello"
    assert other.geometry == SMALL
    assert other.fd != arena.fd
    other.close()


def test_a_read_only_view_refuses_to_be_written(arena: Arena) -> None:
    view = arena.map(0, PAGE_BYTES, writable=False)
    assert view.readonly
    with pytest.raises(TypeError):
        view[0] = 1


def test_the_arena_can_neither_shrink_nor_grow(arena: Arena) -> None:
    for size in (0, SMALL.total_bytes + 1):
        with pytest.raises(PermissionError):
            os.ftruncate(arena.fd, size)


def test_nothing_outside_the_arena_can_be_mapped(arena: Arena) -> None:
    for offset, length in ((-1, 1), (0, -1), (SMALL.total_bytes, 1)):
        with pytest.raises(IndexError):
            arena.map(offset, length, writable=False)


def test_an_arena_takes_memory_only_for_what_is_reserved(arena: Arena) -> None:
    before = arena.resident_bytes
    assert before < SMALL.total_bytes / 4
    arena.reserve(SMALL.data_offset(0), SMALL.ring_bytes)
    assert arena.resident_bytes == before + SMALL.ring_bytes
    arena.release(SMALL.data_offset(0), SMALL.ring_bytes)
    assert arena.resident_bytes == before


def test_views_outlive_a_closed_arena(arena: Arena) -> None:
    view = arena.map(0, 8, writable=False)
    arena.close()
    arena.close()
    assert bytes(view) == b"FANLIGHT"


@pytest.mark.parametrize("error_number", [errno.ENOSPC, errno.ENOMEM, errno.EFBIG])
def test_refused_memory_says_so(arena: Arena, monkeypatch: pytest.MonkeyPatch, error_number: int) -> None:
    monkeypatch.setattr(os, "posix_fallocate", refusal(error_number))
    with pytest.raises(ArenaFull, match=f"no memory for {PAGE_BYTES} bytes"):
        arena.reserve(0, PAGE_BYTES)


def test_a_strange_error_of_the_kernel_is_not_hidden(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "posix_fallocate", refusal(errno.EBADF))
    with pytest.raises(OSError, match="Bad file descriptor"):
        arena.reserve(0, PAGE_BYTES)


@pytest.mark.parametrize("call", ["ftruncate", "posix_fallocate"])
def test_an_arena_that_cannot_have_its_memory_leaves_no_descriptor(
    monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(os, call, refusal(errno.ENOSPC))
    with pytest.raises(ArenaFull):
        Arena.create(SMALL)
    assert len(os.listdir("/proc/self/fd")) == before


def test_another_memory_order_is_refused(monkeypatch: pytest.MonkeyPatch, arena: Arena) -> None:
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="aarch64"))
    with pytest.raises(UnsupportedMachine, match="unproven on aarch64"):
        Arena.create(SMALL)
    with pytest.raises(UnsupportedMachine, match="unproven on aarch64"):
        Arena.attach(arena.fd)


@pytest.mark.parametrize(
    ("word", "value", "message"),
    [
        (HEADER_MAGIC, 0, "magic"),
        (HEADER_VERSION, 999, "layout version 999"),
        (HEADER_WORKERS, 0, "at least one"),
        (HEADER_STREAMS, 3, "needs"),
    ],
)
def test_a_header_that_is_not_ours_is_refused(arena: Arena, word: int, value: int, message: str) -> None:
    arena.map(0, PAGE_BYTES, writable=True).cast("Q")[word] = value
    with pytest.raises(LayoutMismatch, match=message):
        Arena.attach(arena.fd)


def test_memory_that_is_not_an_arena_is_refused() -> None:
    fd = os.memfd_create("other", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with pytest.raises(LayoutMismatch, match="0 bytes"):
        Arena.attach(fd)
    os.ftruncate(fd, PAGE_BYTES)
    with pytest.raises(LayoutMismatch, match="not sealed"):
        Arena.attach(fd)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEALS)
    with pytest.raises(LayoutMismatch, match="magic"):
        Arena.attach(fd)
    os.close(fd)


def test_a_descriptor_that_is_no_memory_is_refused() -> None:
    with open(__file__, "rb") as file, pytest.raises(LayoutMismatch):
        Arena.attach(file.fileno())


def refusal(error_number: int) -> Callable[..., None]:
    def refuse(*_: object) -> None:
        raise OSError(error_number, os.strerror(error_number))

    return refuse
