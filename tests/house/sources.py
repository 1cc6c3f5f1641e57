"""The package's modules as syntax trees; judges none of them."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "daemon"

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Yield each module's path in the repository with its tree."""
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_bytes())


def functions(tree: ast.Module) -> Iterator[Function]:
    """Yield every function and method of a module."""
    for node in ast.walk(tree):
        if isinstance(node, Function):
            yield node


def lines_of(function: Function) -> int:
    """Return a function's length without its docstring."""
    documented = ast.get_docstring(function, clean=False)
    first, last = function.body[0], function.end_lineno or function.lineno
    words = (first.end_lineno or 0) - first.lineno + 1 if documented is not None else 0
    return last - function.lineno + 1 - words
