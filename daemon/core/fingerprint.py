"""What makes two examples the same one: the key of their turns, white space at the edges aside."""

import hashlib
import json

from daemon.core.examples import Chat, Example

KEY_BYTES = 16


def key_of(example: Example) -> bytes:
    """Return 16 bytes that equal examples share, whatever format they came in."""
    if isinstance(example, Chat):
        parts = [[turn.role, turn.content.strip()] for turn in example.turns]
    else:
        parts = [["text", example.text.strip()]]
    body = json.dumps(parts, ensure_ascii=True, separators=(",", ":")).encode()
    return hashlib.blake2b(body, digest_size=KEY_BYTES).digest()


def question_of(example: Example) -> str:
    """Return what binds rows to one side of the hold-out: group, first question, or the text."""
    if example.group is not None:
        return f"group:{example.group}"
    if isinstance(example, Chat):
        first = next(turn for turn in example.turns if turn.role == "user")
        return f"user:{first.content.strip()}"
    return f"text:{example.text.strip()}"


def question_hash(example: Example, seed: int) -> int:
    """Return 64 bits of the question and the seed, evenly spread."""
    body = f"{seed}\n{question_of(example)}".encode()
    return int.from_bytes(hashlib.blake2b(body, digest_size=8).digest(), "big")
