"""docs/operations.md names what is there: files, commands, metrics, scenarios."""

import re
import sys
from typing import Final

import pytest

from bench.scenarios.__main__ import LONG_NAMES, NAMES, _command_line
from engine.config import KEYS
from engine.metrics import CATALOGUE
from tests.house.source import ROOT

HANDBOOK: Final = (ROOT / "docs" / "operations.md").read_text()


def test_its_files_are_there() -> None:
    named = set(re.findall(r"\b(?:configs|docs)/[\w./-]*\w", HANDBOOK))
    assert named >= {"configs/systemd/fanlight.service", "configs/fanlight.toml"}
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_its_metrics_are_exported() -> None:
    known = {metric.name for metric in CATALOGUE}
    named = set(re.findall(r"\bfanlight_\w+", HANDBOOK))
    assert named
    assert named <= known


def test_its_keys_can_be_set() -> None:
    sections = {key.split(".")[0] for key in KEYS}
    named = {name for name in re.findall(r"`(\w+\.\w+)`", HANDBOOK) if name.split(".")[0] in sections}
    assert named
    assert named <= set(KEYS)


def test_its_figures_can_be_measured_again() -> None:
    commands = re.findall(r"`(?:…|python -m bench\.scenarios) ([^`]+)`", HANDBOOK)
    named = {name for command in commands for name in command.partition(" --")[0].split()}
    assert named
    assert named <= {*NAMES, *LONG_NAMES}


def test_its_options_of_scenarios_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = re.findall(r"`(?:…|python -m bench\.scenarios) ([^`]+ --[^`]+)`", HANDBOOK)
    assert commands
    for command in commands:
        monkeypatch.setattr(sys, "argv", ["bench.scenarios", *command.split()])
        names, options = _command_line()
        assert len(options) == command.count("--"), names
