"""Nothing imports upwards or sideways, nothing imports in a circle, and the engine stays pure."""

import ast
import sys
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

from tests.house.floors import FLOORS, IMPURE_BUILTINS, LIBRARIES, PURE_STDLIB, floor_rows, part_of
from tests.house.imports import imported_modules, imported_names
from tests.house.source import CODE, ROOT, STOREYS, Module, modules

HOUSE = modules(*STOREYS, "monitoring")


def is_ours(name: str) -> bool:
    return name.partition(".")[0] in CODE


def is_pure(name: str) -> bool:
    return any(name == pure or name.startswith(f"{pure}.") for pure in PURE_STDLIB)


def beyond_its_floor(module: Module) -> set[str]:
    """Give what a module imports from parts of the house that the table does not give it."""
    part = part_of(module.name, FLOORS)
    allowed = {part, *FLOORS[part]} if part else set()
    return {name for name in imported_names(module) if is_ours(name) and part_of(name, FLOORS) not in allowed}


def foreign_libraries(module: Module) -> set[str]:
    """Give the libraries from outside that a module imports and the table does not give it."""
    part = part_of(module.name, LIBRARIES)
    tops = {name.partition(".")[0] for name in imported_names(module) if not is_ours(name)}
    return tops - sys.stdlib_module_names - set(LIBRARIES[part] if part else ())


def impure_stdlib(module: Module) -> set[str]:
    """Give what a module imports of the standard library beyond its pure part."""
    return {
        name
        for name in imported_names(module)
        if name.partition(".")[0] in sys.stdlib_module_names and not is_pure(name)
    }


def impure_calls(module: Module) -> set[str]:
    """Give the builtins that touch the world and are called in a module."""
    called = {
        node.func.id
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    return called & IMPURE_BUILTINS


def test_every_module_has_a_floor() -> None:
    assert [module.name for module in HOUSE if part_of(module.name, FLOORS) is None] == []


def test_modules_import_only_what_their_floor_allows() -> None:
    assert {module.name: strays for module in HOUSE if (strays := beyond_its_floor(module))} == {}


def test_modules_use_only_the_libraries_of_their_floor() -> None:
    assert {module.name: strays for module in HOUSE if (strays := foreign_libraries(module))} == {}


def test_the_engine_uses_only_the_pure_part_of_the_standard_library() -> None:
    assert {module.name: impure for module in modules("engine") if (impure := impure_stdlib(module))} == {}


def test_the_engine_calls_no_builtin_that_touches_the_world() -> None:
    assert {module.name: calls for module in modules("engine") if (calls := impure_calls(module))} == {}


def circle_in(graph: Mapping[str, set[str]]) -> list[str]:
    """A way from a module back to itself; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_module_imports_itself_through_others() -> None:
    known = {module.name for module in HOUSE}
    assert circle_in({module.name: imported_modules(module, known) for module in HOUSE}) == []


def test_contributors_read_the_same_table_of_floors() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    assert [row for row in floor_rows() if row not in page] == []
