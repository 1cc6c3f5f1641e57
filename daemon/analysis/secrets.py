"""Finds secrets and personal data in texts, to count or mask them; never stores or prints them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from daemon.analysis.secrets_keys import Span, keys_in
from daemon.analysis.secrets_numbers import numbers_in
from daemon.core.rows.examples import Chat, Example, turn_text

KINDS = ("private_key", "api_key", "email", "phone", "card", "iban")
"""All kinds."""
_CERTAIN = ("private_key", "iban", "card", "api_key", "email", "phone")
"""Of two overlapping findings the more certain kind wins, then the longer."""

_LOCAL = r"[A-Za-z0-9._%+-]"
_EMAIL = re.compile(
    rf"(?:(?<!{_LOCAL})|(?<=\\[nrt]))({_LOCAL}{{1,64}})"
    r"@((?:[A-Za-z0-9-]{1,63}\.){1,8}([A-Za-z]{2,24}))(?![A-Za-z0-9-])"
)
_NOBODY = re.compile(
    r"(?:.*\.)?(?:example|test|invalid|localhost|local)"
    r"|(?:.*\.)?(?:example|test|domain|email|sample|(?:your|my)[a-z-]*|company|website)\.[a-z.]{2,6}",
    re.I,
)
"""Domains of RFC 2606 and common placeholder domains."""
_NO_PERSON = frozenset(["git", "no-reply", "noreply", "donotreply", "do-not-reply"])
_FILES = frozenset(["css", "gif", "jpeg", "jpg", "js", "png", "svg", "webp"])
"""`icon@2x.png` is a file name."""


@dataclass(frozen=True, slots=True)
class SecretSpan:
    """Kind and position of something private, without its content."""

    kind: str
    start: int
    end: int
    """In characters, the end exclusive."""


def find(text: str) -> tuple[SecretSpan, ...]:
    """Return the private spans of a text, in order, without overlaps; placeholders are ignored."""
    spans = [*keys_in(text), *numbers_in(text)]
    if "@" in text:
        spans += _emails_in(text)
    if not spans:
        return ()
    taken: list[Span] = []
    for span in sorted(spans, key=lambda span: span[1]):
        if not taken or taken[-1][2] <= span[1]:
            taken.append(span)
        elif _weight(span) < _weight(taken[-1]):
            taken[-1] = span
    return tuple(SecretSpan(*span) for span in taken)


def kinds_in(example: Example) -> tuple[str, ...]:
    """Return the kinds of private data in any turn of a row, each once, in the order of `KINDS`."""
    texts = (
        [turn_text(turn) for turn in example.turns] if isinstance(example, Chat) else [example.text]
    )
    kinds = {found.kind for text in texts for found in find(text)}
    return tuple(kind for kind in KINDS if kind in kinds) if kinds else ()


def mask(text: str) -> str:
    """Return a text with each finding replaced by its kind; the result has no finding."""
    # Masking may create a new finding; each round removes digits, "@" or capitals, so this ends.
    while found := find(text):
        parts, begin = [], 0
        for item in found:
            parts += [text[begin : item.start], f"[{item.kind}]"]
            begin = item.end
        text = "".join(parts) + text[begin:]
    return text


def _weight(span: Span) -> tuple[int, int]:
    return _CERTAIN.index(span[0]), span[1] - span[2]


def _emails_in(text: str) -> Iterator[Span]:
    for found in _EMAIL.finditer(text):
        local, domain, top = found.groups()
        if local.lower() in _NO_PERSON or top.lower() in _FILES or _NOBODY.fullmatch(domain):
            continue
        yield "email", found.start(), found.end()
