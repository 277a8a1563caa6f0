"""What is public is explained and typed, and nobody talks past the logger or swallows every error."""

import ast

import pytest

from tests.house.source import ROOT, STOREYS, Module, functions, modules

# A function of so many lines does more than its name can say.
LINES_THAT_NEED_A_DOCSTRING = 8

# Only a person's own commands write to standard output; everything else logs.
MAY_PRINT = ("workers.cli", "workers.commands")


def place(module: Module, node: ast.stmt | ast.expr | ast.excepthandler) -> str:
    return f"{module.path.relative_to(ROOT)}:{node.lineno}"


def test_public_functions_of_some_size_have_docstrings() -> None:
    public = (function for function in functions(*STOREYS) if not function.node.name.startswith("_"))
    large = (function for function in public if function.span > LINES_THAT_NEED_A_DOCSTRING)
    assert [str(function) for function in large if not ast.get_docstring(function.node)] == []


def test_modules_of_shm_and_protocols_say_what_they_are() -> None:
    silent = [
        module.name
        for module in modules("shm", "engine")
        if module.text and not ast.get_docstring(module.tree)
    ]
    assert silent == []


@pytest.mark.parametrize("module", modules(*STOREYS), ids=lambda module: module.name)
def test_only_commands_print(module: Module) -> None:
    calls = [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    prints = [
        place(module, call) for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"
    ]
    assert module.name.startswith(MAY_PRINT) or prints == []


@pytest.mark.parametrize("module", modules(*STOREYS, "bench"), ids=lambda module: module.name)
def test_no_except_without_a_type(module: Module) -> None:
    handlers = [node for node in ast.walk(module.tree) if isinstance(node, ast.ExceptHandler)]
    assert [place(module, handler) for handler in handlers if handler.type is None] == []


@pytest.mark.parametrize("module", modules("engine", "shm"), ids=lambda module: module.name)
def test_engine_and_shm_know_the_type_of_everything(module: Module) -> None:
    names = [node for node in ast.walk(module.tree) if isinstance(node, ast.Name) and node.id == "Any"]
    assert [place(module, name) for name in names] == []
