"""What tests of the packager share."""

import pytest

from workers.packager import packages


@pytest.fixture(autouse=True)
def at_every_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rack looks whenever it is told to."""
    monkeypatch.setattr(packages, "LOOK_S", 0.0)
