"""Whose fields an object sets: its own."""

import ast
from collections.abc import Iterator

from tests.house.sources import modules

ROOMS = ("daemon/app.py", "daemon/supervisor/", "daemon/training/", "daemon/folders/")
LIBRARIES = {"optimizer", "tokenizer", "logger"}
"""Objects of libraries that have no other way."""


def _set_fields(tree: ast.AST) -> Iterator[ast.Attribute]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            yield node


def _is_foreign(field: ast.Attribute) -> bool:
    owner = field.value
    if isinstance(owner, ast.Name):
        return owner.id not in {"self", *LIBRARIES}
    return not (isinstance(owner, ast.Attribute) and owner.attr in LIBRARIES)


def test_no_field_of_an_object_is_set_from_outside() -> None:
    """The status had fields that three other objects wrote, so that none knew who said what."""
    found = [
        f"{name}:{field.lineno} {ast.unparse(field)}"
        for name, tree in modules()
        if name.startswith(ROOMS)
        for field in _set_fields(tree)
        if _is_foreign(field)
    ]
    assert not found
