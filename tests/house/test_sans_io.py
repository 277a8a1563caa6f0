"""The engine can be imported where there is no socket, no clock, no thread and no event loop."""

import subprocess
import sys

from tests.house.floors import LIBRARIES, POISON, PURE_STDLIB
from tests.house.source import ROOT, modules

# What the engine is allowed to use comes first, with whatever that needs itself; then the rest is poisoned.
PROGRAM = """
import importlib, sys
allowed, poison, modules = (part.split() for part in sys.argv[1:4])
for name in allowed:
    importlib.import_module(name)
for name in poison:
    sys.modules[name] = None
for name in modules:
    importlib.import_module(name)
"""


def import_with_poison(names: list[str]) -> subprocess.CompletedProcess[str]:
    """Import the named modules in a fresh interpreter in which the poisoned ones cannot be imported."""
    engine_libraries = {
        name for part, names in LIBRARIES.items() if part.startswith("engine") for name in names
    }
    allowed = sorted(PURE_STDLIB | engine_libraries)
    command = [sys.executable, "-c", PROGRAM, " ".join(allowed), " ".join(POISON), " ".join(names)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_every_engine_module_imports_without_the_world() -> None:
    result = import_with_poison([module.name for module in modules("engine")])
    assert result.returncode == 0, result.stderr


def test_the_poison_works() -> None:
    result = import_with_poison(["workers.runtime.bus"])
    assert result.returncode != 0
    assert "ModuleNotFoundError" in result.stderr
