"""A class has a name of its own: who reads it in a traceback knows which one is meant."""

import ast
from collections import defaultdict

from tests.house.sources import modules

TWO_WORLDS = {"Engine", "MlxEngine", "RehearsalEngine"}
"""The trainer's and the server's, which import nothing of each other (import contract)."""


def test_no_public_class_name_stands_twice() -> None:
    """Fault: forty-one did, `Wanted` four times, and several of them met in one stack."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, tree in modules():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(name)
    assert {name: where for name, where in found.items() if len(where) > 1}.keys() == TWO_WORLDS
