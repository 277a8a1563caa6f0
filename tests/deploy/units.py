"""systemd's unit files as tests read them: sections of keys that may stand more than once."""

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

from tests.house.source import ROOT

FOLDER: Final = ROOT / "configs" / "systemd"
SERVICE: Final = FOLDER / "fanlight.service"
SOCKETS: Final = sorted((FOLDER / "sockets").glob("*.socket"))

SECONDS: Final = {"ms": 0.001, "s": 1.0, "min": 60.0, "": 1.0}

Unit = dict[str, dict[str, list[str]]]
"""Section, key, values in the order of the file."""


@cache
def read_unit(path: Path) -> Unit:
    """Read a unit file; systemd.syntax(7), without continued lines, which we do not use."""
    unit: Unit = {}
    section: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section = unit.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            section.setdefault(key, []).append(value)
    return unit


def service(key: str) -> str:
    """The one value of a key of the service."""
    (value,) = read_unit(SERVICE)["Service"][key]
    return value


def seconds(text: str) -> float:
    """Read a span of time with one unit; systemd.time(7)."""
    match = re.fullmatch(r"(\d+)(ms|s|min|)", text)
    assert match, text
    return int(match[1]) * SECONDS[match[2]]


def allowed_calls() -> frozenset[str]:
    """The system calls that the service's filter lets through; systemd.exec(5), SystemCallFilter=.

    Sets are read off the systemd that is installed, as are those that it always adds.
    """
    calls = set(members("@default"))
    for value in read_unit(SERVICE)["Service"]["SystemCallFilter"]:
        named = {call for word in value.removeprefix("~").split() for call in members(word)}
        calls = calls - named if value.startswith("~") else calls | named
    return frozenset(calls)


@cache
def members(name: str) -> frozenset[str]:
    """The calls of a set, and of the sets in it; of a call, itself."""
    if not name.startswith("@"):
        return frozenset({name})
    listed = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager", name], capture_output=True, text=True, check=True
    )
    words = [line.strip() for line in listed.stdout.splitlines()]
    inside = [word for word in words if word and not word.startswith("#") and word != name]
    return frozenset(call for word in inside for call in members(word))
