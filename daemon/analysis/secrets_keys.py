"""Finds keys and passwords in a text by their formats and entropy, without any service."""

import math
import re
from collections import Counter
from collections.abc import Iterator

Span = tuple[str, int, int]
"""Kind, begin and end in characters."""

START = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"
"""Where a word begins, in text and in the source of JSON."""

_PREFIXES = ("AKIA", "ASIA", "AIza", "eyJ", "glpat-", "sk-", "xox")
_PREFIXES_LOW = ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "hf_", "k_live_", "k_test_")
"""With an underscore, which most texts do not have."""
_KEY = re.compile(
    rf"{START}(?:(?:AKIA|ASIA)[A-Z0-9]{{16}}(?![A-Za-z0-9])"
    r"|gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}|glpat-[A-Za-z0-9_-]{20,255}"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,255}|[sr]k_(?:live|test)_[A-Za-z0-9]{16,255}"
    r"|sk-(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{20,255}|AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"
    r"|hf_[A-Za-z0-9]{30,255}"
    r"|eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,8000}\.[A-Za-z0-9_-]{8,2000})"
)
_BREAK = r"(?:\s|\\[nr])"
_PRIVATE = re.compile(
    rf"-----BEGIN (?:[A-Z0-9]{{1,20}} ){{0,3}}PRIVATE KEY(?: BLOCK)?-----{_BREAK}*+"
    rf"(?:[A-Za-z-]{{3,20}}: [^\n\\]{{1,80}}{_BREAK}++)*+"
    rf"[A-Za-z0-9+/=]{{16,}}+(?:{_BREAK}++[A-Za-z0-9+/=]{{16,}}+)*+"
    rf"(?:{_BREAK}*[A-Za-z0-9+/=]{{0,80}}{_BREAK}*-----END [A-Z0-9 ]{{0,40}}KEY(?: BLOCK)?-----)?"
)
_NAMES = ("passw", "pwd", "secret", "token", "key")
_NAME_FORMS = tuple(form for name in _NAMES for form in (name, name.title(), name.upper()))
_KEY_TO = ("api", "access", "auth", "secret", "private", "account")
"""The key to a house, or the key of a JSON pair, is not a secret."""
_ASSIGNED = re.compile(
    r"(?:passw(?:or)?d|pwd|secret|token|key)[\\\"']{0,3}[ \t]{0,3}(?::=|=>|[:=])[ \t]{0,3}"
    r"[\\\"'`]{0,3}([^\s\"'`<>\[\](){},;\\]{8,200})",
    re.I,
)
_IN_ADDRESS = re.compile(r"[a-z]{2,12}://[^\s:/@\"'<>]{0,64}:([^\s@/\"'<>\[\]]{6,64})@")
_STAND_IN = re.compile(
    r"x{4}|\*{3}|\.{3}|0{6}|1234567|abcdef|your|example|placeholder|change.?me|dummy|redacted"
    r"|insert|sample|fake|secret.?here|todo",
    re.I,
)
_CODE = re.compile(r"\$|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+\Z|https?:|/|\.\.?/")
LEAST_BITS = 3.0
"""Entropy a character; names and repeated words are below, random text of 10 characters above."""


def keys_in(text: str) -> Iterator[Span]:
    """Yield the private keys, service keys and assigned passwords of a text."""
    yield from _private_keys(text)
    yield from _service_keys(text)
    if ":" in text or "=" in text:
        yield from _passwords(text)


def _private_keys(text: str) -> Iterator[Span]:
    if "-----BEGIN " in text:
        for found in _PRIVATE.finditer(text):
            yield "private_key", found.start(), found.end()


def _service_keys(text: str) -> Iterator[Span]:
    prefixes = _PREFIXES + _PREFIXES_LOW if "_" in text else _PREFIXES
    for place in _places(text, prefixes):
        # Stripe's prefix begins with "s" or "r".
        begin = max(0, place - 1) if text[place] == "k" else place
        found = _KEY.match(text, begin)
        if found is not None and _is_random(found[0], 2.5):
            yield "api_key", found.start(), found.end()


def _passwords(text: str) -> Iterator[Span]:
    # Beyond ASCII, lower-casing may change the length of a text.
    places = _places(text.lower(), _NAMES) if text.isascii() else _places(text, _NAME_FORMS)
    for place in places:
        found = _ASSIGNED.match(text, place)
        if found is not None and _is_secret(text, place) and _is_password(found[1]):
            yield "api_key", found.start(1), found.end(1)
    if "://" in text and "@" in text:
        for found in _IN_ADDRESS.finditer(text):
            if _is_random(found[1], 2.0):
                yield "api_key", found.start(1), found.end(1)


def _places(text: str, signs: tuple[str, ...]) -> Iterator[int]:
    """Yield the positions of signs; plain string search costs a tenth of a regular expression."""
    for sign in signs:
        place = text.find(sign)
        while place >= 0:
            yield place
            place = text.find(sign, place + 1)


def _is_secret(text: str, place: int) -> bool:
    if text[place] not in "kK":
        return True
    return text[max(0, place - 9) : place].lower().rstrip("_- ").endswith(_KEY_TO)


def _is_password(value: str) -> bool:
    if _CODE.match(value) is not None:
        return False
    mixed = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return mixed and _is_random(value, LEAST_BITS if len(value) >= 10 else 2.5)


def _is_random(value: str, least_bits: float) -> bool:
    if _STAND_IN.search(value) is not None:
        return False
    counts = Counter(value)
    bits = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    return bits >= least_bits
