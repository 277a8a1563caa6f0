"""Nothing imports upwards or sideways, nothing imports in a circle, and the engine stays pure."""

import ast
import sys
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.house.floors import FLOORS, IMPURE_BUILTINS, LIBRARIES, PURE_STDLIB, floor_rows, part_of
from tests.house.imports import imported_modules, imported_names
from tests.house.source import CODE, ROOT, STOREYS, Module, modules

HOUSE = modules(*STOREYS)


def is_ours(name: str) -> bool:
    return name.partition(".")[0] in CODE


def foreign_names(module: Module) -> set[str]:
    """Give the top names of the libraries from outside that a module imports."""
    tops = {name.partition(".")[0] for name in imported_names(module) if not is_ours(name)}
    return tops - sys.stdlib_module_names


@pytest.mark.parametrize("module", HOUSE, ids=lambda module: module.name)
def test_module_imports_only_what_its_floor_allows(module: Module) -> None:
    part = part_of(module.name, FLOORS)
    assert part is not None, f"{module.name} belongs to no part of the table in floors.py"
    allowed = {part, *FLOORS[part]}
    strays = {
        name for name in imported_names(module) if is_ours(name) and part_of(name, FLOORS) not in allowed
    }
    assert not strays


@pytest.mark.parametrize("module", HOUSE, ids=lambda module: module.name)
def test_module_uses_only_the_libraries_of_its_floor(module: Module) -> None:
    part = part_of(module.name, LIBRARIES)
    assert part is not None
    assert foreign_names(module) <= set(LIBRARIES[part])


@pytest.mark.parametrize("module", modules("engine"), ids=lambda module: module.name)
def test_engine_uses_only_the_pure_part_of_the_standard_library(module: Module) -> None:
    used = {name for name in imported_names(module) if name.partition(".")[0] in sys.stdlib_module_names}
    impure = {name for name in used if not any(is_within(name, pure) for pure in PURE_STDLIB)}
    assert not impure


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize("module", modules("engine"), ids=lambda module: module.name)
def test_engine_calls_no_builtin_that_touches_the_world(module: Module) -> None:
    calls = [node.func for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    assert not {func.id for func in calls if isinstance(func, ast.Name)} & IMPURE_BUILTINS


def test_no_module_imports_itself_through_others() -> None:
    known = {module.name for module in HOUSE}
    graph = {module.name: imported_modules(module, known) for module in HOUSE}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_contributors_read_the_same_table_of_floors() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    assert [row for row in floor_rows() if row not in page] == []
