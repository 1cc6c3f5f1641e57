"""Fits rows that are too long: refuses them, splits them between turns, or truncates them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from daemon.core.rows.examples import Chat, Example, Text, Turn
from daemon.text.encoder import Encoded, TextEncoder, Unfit

Policy = Literal["reject", "split", "truncate"]
Part = tuple[Example, Encoded]

LETTERS_A_TOKEN = 16
"""More characters than a token has on average; longer texts are not encoded whole."""

BORDERS = tuple(map(re.compile, (r"\n\s*\n", r"\n", r"(?<=[.!?…])\s", r"\s")))
"""Where a text may be split, the best first: paragraphs, lines, sentences, words."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """The encoded parts of one example."""

    parts: tuple[Part, ...]
    """Empty where it cannot be trained."""
    what: Literal["whole", "split", "truncated"]
    unfit: Unfit | None = None


def fit(
    encoder: TextEncoder, examples: Sequence[Example], limit: int, policy: Policy
) -> list[Fitted]:
    """Encode examples, and apply the policy to those of more than `limit` tokens."""
    encoded = encoder.encode(examples, limit)
    return [
        _fitted(encoder, example, item, limit, policy)
        for example, item in zip(examples, encoded, strict=True)
    ]


def _fitted(
    encoder: TextEncoder, example: Example, item: Encoded | Unfit, limit: int, policy: Policy
) -> Fitted:
    if isinstance(item, Encoded):
        return Fitted(((example, item),), "whole")
    if item.code != "too_long" or policy == "reject":
        return Fitted((), "whole", item)
    if policy == "truncate":
        return _truncated(encoder, example, limit)
    split = _split_chat if isinstance(example, Chat) else _split_text
    parts = split(encoder, example, limit)  # type: ignore[arg-type]
    return Fitted(tuple(parts), "split") if parts else Fitted((), "whole", item)


def _truncated(encoder: TextEncoder, example: Example, limit: int) -> Fitted:
    short = replace(example, cut=limit)
    (item,) = encoder.encode([short], limit)
    if isinstance(item, Encoded):
        return Fitted(((short, item),), "truncated")
    if item.code == "no_supervised_tokens":
        message = f"truncated to {limit} tokens, nothing of its answer is left"
        item = Unfit("no_supervised_tokens", message)
    return Fitted((), "whole", item)


def _split_chat(encoder: TextEncoder, chat: Chat, limit: int) -> list[Part]:
    """Return conversations of as many exchanges as fit, each with the system text; none if a
    single exchange is too long."""
    head = chat.turns[:1] if chat.turns[0].role == "system" else ()
    exchanges = _exchanges(chat.turns[len(head) :])
    parts: list[Part] = []
    begin = 0
    while begin < len(exchanges):
        end, found = len(exchanges), None
        # The most that fits, by bisection: tokens grow with the turns.
        low = begin + 1
        while low <= end:
            middle = (low + end) // 2
            part = replace(chat, turns=(*head, *sum(exchanges[begin:middle], ())))
            (item,) = encoder.encode([part], limit)
            if isinstance(item, Encoded) or item.code == "no_supervised_tokens":
                found, low = (middle, part, item), middle + 1
            else:
                end = middle - 1
        if found is None:
            return []
        begin, part, item = found
        if isinstance(item, Encoded):
            parts.append((part, item))
    return parts


def _exchanges(turns: Sequence[Turn]) -> list[tuple[Turn, ...]]:
    """Split turns before each question; every part ends with an answer."""
    found: list[tuple[Turn, ...]] = []
    piece: list[Turn] = []
    for turn in turns:
        if turn.role == "user" and piece and piece[-1].role == "assistant":
            found.append(tuple(piece))
            piece = []
        piece.append(turn)
    return [*found, tuple(piece)]


def _split_text(encoder: TextEncoder, text: Text, limit: int) -> list[Part]:
    """Return parts of a text that fit, split at the best boundaries."""
    parts: list[Part] = []
    rest = text.text
    while rest:
        taken = _longest(encoder, rest, limit)
        piece = replace(text, text=taken)
        (item,) = encoder.encode([piece], limit)
        if isinstance(item, Unfit):
            return []
        parts.append((piece, item))
        rest = rest[len(taken) :].lstrip()
    return parts


def _longest(encoder: TextEncoder, text: str, limit: int) -> str:
    """Return the longest beginning of a text that fits, up to the best boundary near its end."""
    if len(text) <= limit * LETTERS_A_TOKEN:
        (whole,) = encoder.encode([Text(text)], limit)
        if isinstance(whole, Encoded):
            return text
    low, high = 1, min(len(text) - 1, limit * LETTERS_A_TOKEN)
    while low < high:
        middle = (low + high + 1) // 2
        (item,) = encoder.encode([Text(text[:middle])], limit)
        low, high = (middle, high) if isinstance(item, Encoded) else (low, middle - 1)
    fits = text[:low]
    for border in BORDERS:
        places = [match.start() for match in border.finditer(fits, low // 2)]
        if places:
            return fits[: places[-1]]
    return fits
