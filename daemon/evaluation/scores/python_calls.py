"""Parses tool calls written as Python: `[f(a=1), g()]`, without running anything."""

import ast
import json
from collections.abc import Iterator
from typing import Any

from daemon.core.records import JsonObject

LONGEST = 20_000
"""Longest text that is parsed as Python, in characters."""
FAULTS = (SyntaxError, ValueError, TypeError, RecursionError, MemoryError)


def python_calls(text: str, *, bare: bool) -> list[tuple[str, JsonObject]] | None:
    """Return names and arguments of the calls in a list; None if the text is not such a list.

    `bare` also accepts one call without the brackets of a list. All arguments must be named.
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


def _read(nodes: list[ast.expr]) -> Iterator[tuple[str, JsonObject]]:
    for node in nodes:
        if not isinstance(node, ast.Call) or node.args:
            raise ValueError("not a call, or one with unnamed arguments")
        yield _name(node.func), {str(word.arg): _value(word.value) for word in node.keywords}


def _name(node: ast.expr) -> str:
    if not isinstance(node, ast.Name | ast.Attribute):
        raise ValueError("a call of something without a name")
    return ast.unparse(node)


def _value(node: ast.expr) -> Any:
    # A value that JSON cannot hold is not a tool's argument.
    return json.loads(json.dumps(ast.literal_eval(node), allow_nan=False))
