"""Finds the shown branch of a saved chat whose messages form a tree of regenerated answers."""

from collections.abc import Mapping
from typing import Any


def branch_of(
    nodes: Mapping[str, object], current: Any, parent: str, children: str
) -> list[str] | None:
    """Return the names of the nodes from the beginning to the one shown last.

    Without a current node, the last child of each node counts, as the newest. None if the nodes
    are not a tree.
    """
    name = current if isinstance(current, str) and current in nodes else None
    if name is None:
        name = _newest(nodes, parent, children)
    path: list[str] = []
    while name is not None:
        if name in path:
            return None
        path.append(name)
        node = nodes[name]
        above = node.get(parent) if isinstance(node, Mapping) else None
        name = above if isinstance(above, str) and above in nodes else None
    return path[::-1] or None


def _newest(nodes: Mapping[str, object], parent: str, children: str) -> str | None:
    """Return the leaf that the last children lead to."""
    name = next(
        (
            key
            for key, node in nodes.items()
            if isinstance(node, Mapping) and not _is_in(nodes, node.get(parent))
        ),
        None,
    )
    seen: set[str] = set()
    while name is not None and name not in seen:
        seen.add(name)
        node = nodes[name]
        found = node.get(children) if isinstance(node, Mapping) else None
        below = [key for key in found if _is_in(nodes, key)] if isinstance(found, list) else []
        if not below:
            return name
        name = below[-1]
    return None


def _is_in(nodes: Mapping[str, object], name: Any) -> bool:
    return isinstance(name, str) and name in nodes
