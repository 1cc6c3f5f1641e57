"""The fingerprint of an example: a hash of its turns without surrounding whitespace."""

import hashlib

from daemon.core.rows.examples import Chat, Example

KEY_BYTES = 16


def key_of(example: Example) -> bytes:
    """Return 16 bytes that are the same for equal examples, whatever form their rows had.

    Every part is preceded by its length, so that different lists of parts never collide.
    """
    if not isinstance(example, Chat):
        return _digest(["text", example.text.strip()])
    parts: list[str] = []
    for turn in example.turns:
        parts += (turn.role, turn.content.strip())
        if turn.calls or not turn.trained:
            parts.append("" if turn.trained else "untrained")
            parts += [text for call in turn.calls for text in (call.name, call.arguments)]
            parts.append(f"calls:{len(turn.calls)}")
        if turn.reasoning:
            parts += ("reasoning", turn.reasoning.strip())
    if example.tools:
        parts += ("tools", *example.tools)
    return _digest(parts)


def _digest(parts: list[str]) -> bytes:
    lengths = ",".join(map(str, map(len, parts)))
    body = f"{lengths}\n{''.join(parts)}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(body, digest_size=KEY_BYTES).digest()
