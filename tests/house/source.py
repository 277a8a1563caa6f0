"""The project's own source, as the house tests read it: every file, once, as text and as syntax tree."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
STOREYS = ("engine", "shm", "workers")
CODE = (*STOREYS, "bench", "monitoring", "tests", "scripts")
TEXT_FOLDERS = (*CODE, "configs", "docs", ".ci")
TEXT_SUFFIXES = {
    ".py",
    ".toml",
    ".socket",
    ".conf",
    ".md",
    ".yml",
    ".yaml",
    ".sh",
    ".js",
    ".html",
    ".json",
    ".service",
    ".tmpl",
    ".svg",
    ".lock",
    "",
}
NOT_OURS = {"node_modules", "__pycache__"}


class Module(NamedTuple):
    """One Python file: its dotted name, whether it is a package's `__init__`, and its tree."""

    name: str
    is_package: bool
    path: Path
    text: str
    tree: ast.Module


class Function(NamedTuple):
    """One function or method; `lines` is its body without the docstring, `span` all but its first line."""

    module: Module
    node: ast.FunctionDef | ast.AsyncFunctionDef

    @property
    def span(self) -> int:
        return (self.node.end_lineno or self.node.lineno) - self.node.lineno

    @property
    def lines(self) -> int:
        body = self.node.body
        first = body[1] if ast.get_docstring(self.node) is not None and len(body) > 1 else body[0]
        return (self.node.end_lineno or first.lineno) - first.lineno + 1

    def __str__(self) -> str:
        return f"{self.module.path.relative_to(ROOT)}:{self.node.lineno} {self.node.name}"


@cache
def modules(*folders: str) -> tuple[Module, ...]:
    """Every Python module below the named folders of the project, in order of path."""
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return tuple(read_module(path) for path in paths if not NOT_OURS & set(path.parts))


@cache
def read_module(path: Path) -> Module:
    """Read and parse one file of the project."""
    text = path.read_text()
    parts = path.relative_to(ROOT).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    name = ".".join(parts[:-1] if is_package else parts)
    return Module(name, is_package, path, text, ast.parse(text, str(path)))


def functions(*folders: str) -> Iterator[Function]:
    """Every function below the named folders, methods and inner functions too."""
    for module in modules(*folders):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield Function(module, node)


def text_files() -> Iterator[Path]:
    """Every file of the project that a person may read: code, prose, configuration, locks."""
    candidates = [path for path in ROOT.iterdir() if path.is_file()]
    for folder in TEXT_FOLDERS:
        candidates += (ROOT / folder).rglob("*")
    for path in sorted(candidates):
        if path.is_file() and path.suffix in TEXT_SUFFIXES and not NOT_OURS & set(path.parts):
            yield path
