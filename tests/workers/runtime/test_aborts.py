"""Stacks of processes that are aborted."""

import faulthandler
import sys

import pytest

from workers.runtime.aborts import trace_aborts


def test_an_engine_that_was_started_without_standard_error_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    enabled = list[bool]()
    monkeypatch.setattr(faulthandler, "enable", lambda: enabled.append(sys.stderr is not None))
    trace_aborts()
    monkeypatch.setattr(sys, "stderr", None)
    trace_aborts()
    assert enabled == [True]
