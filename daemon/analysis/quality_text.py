"""Finds surface marks of low quality in a text: cut off, filler, repetition, mojibake."""

# Look-alike characters are what this module searches for.
# ruff: noqa: RUF001

import re

from ftfy.badness import is_bad

SHORT = 40
"""Characters; a shorter answer may be a label or a phrase and never counts as cut off."""
TAIL = 1500
"""Characters searched for repeats: a model that loops does so until it stops."""
WORDS, UNSPACED = 5, 10
"""Length of a repeated n-gram: in words, or in characters in a script without blanks."""

_FENCE = "```"
_OPEN = tuple("{[<|#")
# A lower-case letter may follow "e.g. "; a sentence does not begin with one.
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)]*\s+[^\sa-z]|[。！？]")
_LIST_ITEM = re.compile(r"\s*(?:[-*+•–>|#]|\d+[.)]|[a-zA-Z][.)])\s|\s{4,}|\t")
_DANGLING = frozenset(["a", "an", "and", "because", "or", "our", "the", "their", "whose", "your"])
_HOLLOW = re.compile(r"\[(?:insert|your answer|placeholder)\b[^\]\n]{0,80}\]|lorem ipsum dolor")
_HOLLOW_SIGNS = ("[insert", "[your answer", "[placeholder", "ipsum dolor")
_NO_ANSWER = frozenset(
    [
        "",
        "...",
        "…",
        "i do not know",
        "i don't know",
        "i don’t know",
        "idk",
        "insert answer here",
        "n/a",
        "no answer",
        "placeholder answer",
        "placeholder text",
    ]
)
_TO_DO = frozenset(["FIX" + "ME", "TBA", "TBD", "TO" + "DO"])
"""Words only in capitals: "todo" is Spanish."""
_LEFT_OVER = re.compile(
    r"<\|[a-z][a-z0-9_]{1,40}\|>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<｜[^｜\n]{1,40}｜>"
    r"|\A\s*<s>|</s>\s*\Z|^###\s?(?:Response|Instruction|Human|Assistant):",
    re.M,
)
_LEFT_OVER_SIGNS = ("<|", "<｜", "_of_turn>", "SYS>>", "<s>", "</s>", "INST]", "###")
# Read as a Western code page, UTF-8 is a lead byte's letter and then a continuation byte's sign;
# only the surroundings of such pairs are worth the 0.2 µs a character of ftfy.
_SUSPECT = re.compile(
    "[Â-ôÐ-Ñ][\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|вЂ|√[±∂†≠®™´≤≥¥µø]|‚Ä|\ufffd|[ГÐ][ђ€]"
)
_ASCII = bytes(range(128))
_SUSPECTS = 8
"""Different pairs examined; French has a few next to its quotation marks."""
_AROUND = 12

BOLD, LIST, HEADING, CODE, TABLE = 1, 2, 4, 8, 16
MARKDOWN = {"bold": BOLD, "list": LIST, "heading": HEADING, "code": CODE, "table": TABLE}
"""Kinds of markdown, each a bit."""
_HEADING = re.compile(r"\n#{1,6} ")
_LISTS = ("\n- ", "\n* ", "\n1. ", "\n1) ", "\n• ")


def is_broken_off(text: str) -> bool:
    """Whether an answer is certainly cut off: in an open code block, or on a word like "the"."""
    if text.count(_FENCE) % 2:
        return True
    end = text.rstrip()
    if len(end) <= SHORT or not end[-1].isalpha() or _is_structured(end):
        return False
    return end[end.rfind(" ") + 1 :] in _DANGLING


def is_unfinished(text: str) -> bool:
    """Whether prose ends its sentences but not the last one; may be a writer's habit."""
    end = text.rstrip()
    if len(end) <= SHORT or _is_structured(end):
        return False
    if not (end[-1].isalpha() or end[-1] in ",-–—("):
        return False
    last = end[end.rfind("\n") + 1 :]
    return not _ends_freely(last, end) and _SENTENCE_END.search(end) is not None


def _is_structured(end: str) -> bool:
    return end.lstrip().startswith(_OPEN)


def _ends_freely(last: str, end: str) -> bool:
    """Whether a last line needs no final stop: list items, verse, signatures, links."""
    if _LIST_ITEM.match(last) or "`" in last or "://" in last or "=" in last or "|" in last:
        return True
    others = [line for line in end[: -len(last)].split("\n") if line.strip()]
    if not others:
        return False
    open_lines = sum(line.rstrip()[-1].isalnum() or line.rstrip()[-1] in ",-–—" for line in others)
    return len(last.split()) <= 4 or open_lines * 2 > len(others) or others[-1].rstrip()[-1] in ":,"


def is_hollow(text: str, prompt: str) -> bool:
    """Whether an answer contains placeholder filler that the prompt did not request."""
    if "[" not in text and "ipsum" not in text:
        return False
    small = text.lower()
    if not any(sign in small for sign in _HOLLOW_SIGNS) or _HOLLOW.search(small) is None:
        return False
    return not any(word in prompt.lower() for word in ("ipsum", "placeholder", "template"))


def is_no_answer(text: str) -> bool:
    """Whether an answer is empty or means "no answer"; refusals are answers."""
    if len(text) > SHORT:
        return not text or text.isspace()
    stripped = text.strip(" \n\t.!:")
    return stripped.lower() in _NO_ANSWER or stripped in _TO_DO


def has_left_over(text: str) -> bool:
    """Whether a text contains control tokens of a chat template."""
    signs = _LEFT_OVER_SIGNS if "<" in text else _LEFT_OVER_SIGNS[-2:]
    return any([sign in text for sign in signs]) and _LEFT_OVER.search(text) is not None


def is_mojibake(text: str) -> bool:
    """Whether a text was decoded with the wrong code page or has replacement characters (ftfy)."""
    if text.isascii():
        return False
    rest = text.encode("utf-8", "surrogatepass").translate(None, _ASCII)
    pairs = set(_SUSPECT.findall(rest.decode("utf-8", "surrogatepass")))
    for pair in sorted(pairs)[:_SUSPECTS]:
        place = text.find(pair)
        if place >= 0 and _is_bad_around(text, place):
            return True
    return False


def _is_bad_around(text: str, place: int) -> bool:
    around = text[max(0, place - _AROUND) : place + _AROUND]
    return "\ufffd" in around or is_bad(around)


def repeated_share(text: str) -> float:
    """Return the share of repeated n-grams in a text's end, 0 to 1; 0 for code and data."""
    if len(text) < SHORT or _FENCE in text or "\n|" in text or _is_structured(text):
        return 0.0
    end = text[-TAIL:]
    words = end.split()
    if len(words) * 20 > len(end):
        # Prose has more than 4 distinct words in 10 at this length: no need for n-grams.
        return 0.0 if len(set(words)) * 10 > len(words) * 4 else _repeats(words, WORDS)
    return 0.0 if len(set(end)) * 5 > len(end) else _repeats(list(end), UNSPACED)


def _repeats(units: list[str], length: int) -> float:
    count = len(units) - length + 1
    if count < 2 * length:
        return 0.0
    ngrams = zip(*(units[shift:] for shift in range(length)), strict=False)
    return 1.0 - len(set(ngrams)) / count


def markdown_in(text: str) -> int:
    """Return the kinds of markdown in a text, as bits."""
    found = BOLD if text.count("**") >= 2 else 0
    if "`" in text:
        found |= CODE
    if "\n" not in text:
        return found | LIST if text.startswith(("- ", "* ", "1. ")) else found
    lines = "\n" + text
    if "\n#" in lines and _HEADING.search(lines):
        found |= HEADING
    if "\n|" in lines and "|\n" in lines:
        found |= TABLE
    return found | LIST if any([sign in lines for sign in _LISTS]) else found
