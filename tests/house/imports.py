"""Who imports whom, read off the syntax trees: every import, at the top of a file or inside a function."""

import ast
from collections.abc import Iterator

from tests.house.source import Module


def is_type_checking(node: ast.AST) -> bool:
    """Say whether this is `if TYPE_CHECKING:`, whose imports never run."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def running_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Walk the tree without what only the type checker reads."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not is_type_checking(child):
            yield from running_nodes(child)


def base_of(module: Module, node: ast.ImportFrom) -> str:
    """Name the module that a `from … import` means, dots resolved."""
    if not node.level:
        return node.module or ""
    package = module.name.split(".") if module.is_package else module.name.split(".")[:-1]
    package = package[: len(package) - node.level + 1]
    return ".".join([*package, node.module] if node.module else package)


def imported_names(module: Module) -> set[str]:
    """Give every dotted name that the module imports; `from a import b` counts as `a.b`."""
    names: set[str] = set()
    for node in running_nodes(module.tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = base_of(module, node)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return names


def imported_modules(module: Module, known: set[str]) -> set[str]:
    """Give those of the known modules that this one imports: `a.b` means module `a.b`, or else `a`."""
    found: set[str] = set()
    for name in imported_names(module):
        parent = name.rpartition(".")[0]
        if name in known:
            found.add(name)
        elif parent in known:
            found.add(parent)
    return found - {module.name}
