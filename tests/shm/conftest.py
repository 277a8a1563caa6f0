"""The smallest arena there is, fresh for each test."""

from collections.abc import Iterator

import pytest

from shm.arena import Arena
from shm.layout import KIB, Geometry

# The smallest arena there is, so that laps and full tables come soon.
SMALL = Geometry(workers=3, streams=4, ring_bytes=64 * KIB, index_entries=64)


@pytest.fixture
def arena() -> Iterator[Arena]:
    arena = Arena.create(SMALL)
    yield arena
    arena.close()
