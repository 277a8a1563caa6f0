"""Fixtures of the control surface's tests."""

from collections.abc import Iterator

import pytest

from tests.workers.control.house import CountingMetrics, House, Lines, open_house


@pytest.fixture
def house() -> Iterator[House]:
    with open_house() as opened:
        yield opened


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
def counted() -> CountingMetrics:
    return CountingMetrics()
