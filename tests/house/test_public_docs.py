"""What is public is explained and typed, and nobody talks past the logger or swallows every error."""

import ast
from collections.abc import Iterator

from tests.house.source import ROOT, STOREYS, functions, modules

# A function of so many lines does more than its name can say.
LINES_THAT_NEED_A_DOCSTRING = 8

# Only a person's own commands print; everything else logs, to a standard output that has nothing but lines.
MAY_PRINT = ("workers.cli", "workers.commands")


def nodes(*folders: str) -> Iterator[tuple[str, ast.AST]]:
    """Give every node of every tree below the folders, each with its module's name and its line."""
    for module in modules(*folders):
        for node in ast.walk(module.tree):
            yield f"{module.name}:{getattr(node, 'lineno', 0)}", node


def is_call_of(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def test_public_functions_of_some_size_have_docstrings() -> None:
    public = (function for function in functions(*STOREYS) if not function.node.name.startswith("_"))
    large = (function for function in public if function.span > LINES_THAT_NEED_A_DOCSTRING)
    assert [str(function) for function in large if not ast.get_docstring(function.node)] == []


def test_every_module_says_what_it_is() -> None:
    written = (module for module in modules(*STOREYS, "bench", "monitoring") if module.text.strip())
    assert [
        str(module.path.relative_to(ROOT)) for module in written if not ast.get_docstring(module.tree)
    ] == []


def test_only_commands_print() -> None:
    prints = (place for place, node in nodes(*STOREYS) if is_call_of(node, "print"))
    assert [place for place in prints if not place.startswith(MAY_PRINT)] == []


def test_no_except_without_a_type() -> None:
    handlers = (
        (place, node) for place, node in nodes(*STOREYS, "bench") if isinstance(node, ast.ExceptHandler)
    )
    assert [place for place, handler in handlers if handler.type is None] == []


def test_engine_and_shm_know_the_type_of_everything() -> None:
    assert [
        place for place, node in nodes("engine", "shm") if isinstance(node, ast.Name) and node.id == "Any"
    ] == []
