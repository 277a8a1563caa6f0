"""Everything that is installed is pinned by its hash, and nothing that is declared is missing from a lock."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from tests.house.source import ROOT

RUNTIME_LOCK = ROOT / "requirements.lock"
DEV_LOCK = ROOT / "requirements-dev.lock"
NPM_FOLDER = ROOT / "tests" / "browser"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


class Pin(NamedTuple):
    """One entry of a lock."""

    name: str
    version: str
    hashes: list[str]


def pins(lock: Path) -> list[Pin]:
    """Read a lock; raises AssertionError for an entry that pins no version."""
    entries = []
    for entry in re.split(r"\n(?=\S)", lock.read_text().strip()):
        match = re.match(r"([a-z0-9-]+)==(\S+)", entry)
        assert match, f"{lock.name}: {entry}"
        entries.append(Pin(match[1], match[2], re.findall(r"--hash=sha256:[0-9a-f]{64}", entry)))
    return entries


def declared(requirements: list[Any]) -> set[str]:
    """Give the names that requirement strings begin with, as the locks write them."""
    strings = (requirement for requirement in requirements if isinstance(requirement, str))
    return {re.split(r"[<>=!~\[; ]", string, maxsplit=1)[0].lower().replace("_", "-") for string in strings}


def test_every_pin_has_its_hashes() -> None:
    assert [pin.name for lock in (RUNTIME_LOCK, DEV_LOCK) for pin in pins(lock) if not pin.hashes] == []


def test_the_locks_hold_what_the_project_declares() -> None:
    groups = PROJECT["dependency-groups"]
    runtime = declared(PROJECT["project"]["dependencies"]) | declared(groups["build"])
    assert runtime - {pin.name for pin in pins(RUNTIME_LOCK)} == set()
    development = declared(groups["test"]) | declared(groups["dev"])
    assert development - {pin.name for pin in pins(DEV_LOCK)} == set()


def test_developers_run_what_users_run() -> None:
    assert set(map(str, pins(RUNTIME_LOCK))) <= set(map(str, pins(DEV_LOCK)))


def test_npm_packages_are_pinned_without_their_registry() -> None:
    manifest = json.loads((NPM_FOLDER / "package.json").read_text())
    locked = json.loads((NPM_FOLDER / "package-lock.json").read_text())["packages"]
    packages = {path.removeprefix("node_modules/"): entry for path, entry in locked.items() if path}
    for name, version in manifest["dependencies"].items():
        assert packages[name]["version"] == version
    assert [name for name, entry in packages.items() if "resolved" in entry or "integrity" not in entry] == []
