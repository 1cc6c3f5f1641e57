"""Whether an answer equals the golden one; knows no model."""

import json
from typing import Any


def matches(golden: str, answer: str) -> bool:
    """Compare as JSON values where both are objects or lists, else as words."""
    left, right = _structure(golden), _structure(answer)
    if left is not None and right is not None:
        return bool(left == right)
    return golden.split() == answer.split()


def _structure(text: str) -> Any:
    stripped = text.strip()
    if not stripped.startswith(("{", "[")):
        return None
    try:
        return json.loads(stripped)
    except (ValueError, RecursionError):
        return None
