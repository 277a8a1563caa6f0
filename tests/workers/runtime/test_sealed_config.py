"""A configuration as workers are told it: whole, the same for all, and out of reach of each."""

import os
from collections.abc import Iterator

import pytest

from engine.config import Config, load
from workers.runtime.packets import MAX_PACKET_BYTES
from workers.runtime.sealed_config import read_sealed, seal

KEYS = "\n".join(f'{"k" * 60}{number:02} = {{allowed_codecs = "h264,aac"}}' for number in range(64))
LARGE = "\n".join(f'[paths."live{number}/*".key_limits]\n{KEYS}' for number in range(40))


@pytest.fixture(scope="module")
def large() -> Config:
    return load(LARGE, {})


@pytest.fixture
def sealed(large: Config) -> Iterator[int]:
    fd = seal(large)
    yield fd
    os.close(fd)


def test_one_that_no_packet_holds_is_read_whole_by_each_worker(large: Config, sealed: int) -> None:
    assert os.fstat(sealed).st_size > MAX_PACKET_BYTES
    assert [read_sealed(sealed) for _ in range(3)] == [large] * 3


def test_no_worker_can_change_what_the_others_read(sealed: int) -> None:
    with pytest.raises(PermissionError):
        os.pwrite(sealed, b"{}", 0)
    for size_bytes in (0, 1 << 20):
        with pytest.raises(PermissionError):
            os.ftruncate(sealed, size_bytes)


def test_it_is_not_inherited_by_programs(sealed: int) -> None:
    assert not os.get_inheritable(sealed)
