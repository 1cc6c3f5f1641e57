"""Strips the reasoning (`<think>…</think>`) before an answer."""

import re
from collections.abc import Iterable

THOUGHT = re.compile(r"\s*<think>(.*?)</think>\s*", re.DOTALL)


def without_thought(answer: str, goldens: Iterable[str] = ()) -> str:
    """Return an answer without the thought it begins with.

    Some templates (Qwen 3) have the model write an empty thought before each answer. A non-empty
    thought stays where a golden answer has one too.
    """
    found = THOUGHT.match(answer)
    if found is None or (found[1].strip() and any(map(THOUGHT.match, goldens))):
        return answer
    return answer[found.end() :]
