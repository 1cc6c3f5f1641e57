"""Reads calls that are written as Python's own: `[f(a=1), g()]`; runs nothing."""

import ast
import json
from collections.abc import Iterator
from typing import Any

LONGEST = 20_000
"""Characters that are read as Python."""
FAULTS = (SyntaxError, ValueError, TypeError, RecursionError, MemoryError)


def python_calls(text: str, *, bare: bool) -> list[tuple[str, dict[str, Any]]] | None:
    """Return names and arguments of the calls in a list; None where the text is none.

    `bare` also takes one call without the brackets of a list. All arguments have names.
    """
    text = text.strip()
    if len(text) > LONGEST or not text.endswith((")", "]")):
        return None
    try:
        body = ast.parse(text, mode="eval").body
        nodes = body.elts if isinstance(body, ast.List) else [body] if bare else []
        return list(_read(nodes)) or None
    except FAULTS:
        return None


def _read(nodes: list[ast.expr]) -> Iterator[tuple[str, dict[str, Any]]]:
    for node in nodes:
        if not isinstance(node, ast.Call) or node.args:
            raise ValueError("no call, or one whose arguments have no names")
        yield _name(node.func), {str(word.arg): _value(word.value) for word in node.keywords}


def _name(node: ast.expr) -> str:
    if not isinstance(node, ast.Name | ast.Attribute):
        raise ValueError("a call of something that has no name")
    return ast.unparse(node)


def _value(node: ast.expr) -> Any:
    # What JSON cannot hold is no argument of a tool.
    return json.loads(json.dumps(ast.literal_eval(node), allow_nan=False))
