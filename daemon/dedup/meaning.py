"""Splits a question into the words that carry its meaning; two questions with the same are one.

Everything counts but articles, courtesy and the punctuation of sentences: tense, number, spelling,
single letters, flags, format codes, symbols, and in code every character.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from rapidfuzz.distance import OSA

from daemon.dedup import unspaced
from daemon.dedup.word_lists import words

_APOSTROPHES = str.maketrans({"\u2019": "'", "\u02bc": "'", "\u00b4": "'"})
_CODE = re.compile(
    r"[`{}\\$^~|<>]|==|!=|=>|->|&&|\w\(|\w\[|\(\)|\[\]|\w\.\w+\(|;\s*$|;\s*\S|[^\W\d]_[^\W\d]|</|\+\+|%[a-zA-Z]"
)
_MAY_BE_CODE = re.compile(r"[`{}\\$^~|<>=&()\[\];_+%]")
"""One of these is in all that `_CODE` finds; this is found ten times as fast."""
_MARKS = ".,;:!?\u2026\u00bf\u00a1"
_EDGES = _MARKS + "\"'()[]\u00ab\u00bb\u201c\u201d\u2018\u2019\u201e"
_DASHES = frozenset("-\u2013\u2014\u2212")
_HYPHEN = re.compile(r"(?<=[^\W\d_])[-\u2010\u2011](?=[^\W\d_])")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_NUMBER = re.compile(r"[-+]?\d+(?:[.,:]\d+)*\Z")
_ARTICLES = words("a an the")
FILLERS = words("please kindly exactly precisely")
_LEFT_OUT = _ARTICLES | FILLERS | {"\x1f"}
_COUNTED = words("few little lot bit couple while")
"""With an article before them they mean something else: "a few", "few"."""
_ASKING = words("what who where when how why that there here it he she which let")
_SHORTENED = {
    "'s": ("is",),
    "'re": ("are",),
    "'m": ("am",),
    "'ve": ("have",),
    "'ll": ("will",),
    "'d": ("would",),
}
_NEGATED = {
    "can't": ("can", "not"),
    "cannot": ("can", "not"),
    "won't": ("will", "not"),
    "shan't": ("shall", "not"),
    "ain't": ("is", "not"),
    "let's": ("let", "us"),
    "dont": ("do", "not"),
    "doesnt": ("does", "not"),
    "didnt": ("did", "not"),
    "cant": ("can", "not"),
    "wont": ("will", "not"),
    "isnt": ("is", "not"),
    "arent": ("are", "not"),
    "wasnt": ("was", "not"),
    "whats": ("what", "is"),
    "wheres": ("where", "is"),
    "whos": ("who", "is"),
    "hows": ("how", "is"),
}
_ACRONYMS = words(
    "us it who aids may am or and in not is as at be by do go he me my no of on to up we so "
    "an if all pin ram can cat sad ms id pet led lead art"
)
"""Words that mean something else in capitals; of others case says nothing."""
_AUXILIARY = words(
    "is are was were am do does did have has had can could may might must shall should will would"
)
_PASTS = {
    "begin": "began",
    "become": "became",
    "break": "broke",
    "bring": "brought",
    "build": "built",
    "buy": "bought",
    "catch": "caught",
    "choose": "chose",
    "come": "came",
    "cost": "cost",
    "cut": "cut",
    "die": "died",
    "do": "did",
    "draw": "drew",
    "drive": "drove",
    "eat": "ate",
    "fall": "fell",
    "feel": "felt",
    "fight": "fought",
    "find": "found",
    "fly": "flew",
    "get": "got",
    "give": "gave",
    "go": "went",
    "grow": "grew",
    "have": "had",
    "hear": "heard",
    "hold": "held",
    "keep": "kept",
    "know": "knew",
    "lead": "led",
    "leave": "left",
    "let": "let",
    "lose": "lost",
    "make": "made",
    "mean": "meant",
    "meet": "met",
    "pay": "paid",
    "put": "put",
    "read": "read",
    "rise": "rose",
    "run": "ran",
    "say": "said",
    "see": "saw",
    "sell": "sold",
    "send": "sent",
    "set": "set",
    "show": "showed",
    "sing": "sang",
    "sit": "sat",
    "speak": "spoke",
    "spend": "spent",
    "stand": "stood",
    "swim": "swam",
    "take": "took",
    "teach": "taught",
    "tell": "told",
    "think": "thought",
    "understand": "understood",
    "wear": "wore",
    "win": "won",
    "write": "wrote",
}
_ANYBODY = (("i",), ("you",), ("we",), ("people",))
"""Of whoever "how to" do something may be asked."""
SPELLED_FROM = 5
"""Letters of a word from which one slip of spelling does not make it another word."""
LAST_ALPHABETIC = "\u052f"
"""The end of Latin, Greek and Cyrillic: elsewhere a letter may be a word."""


_CASED = re.compile(
    rf"{_CODE.pattern}|(?<!\S)-\w|\b(?:{'|'.join(word.upper() for word in sorted(_ACRONYMS))})\b"
)


def has_code(text: str) -> bool:
    """Return whether a text has code in it, or is about a piece of it."""
    return _MAY_BE_CODE.search(text) is not None and _CODE.search(text) is not None


def folded(text: str) -> str:
    """Return a text without case, unless it has flags, code or words like US that need it."""
    if text[1:].islower() or text.isupper() or not _CASED.search(text):
        return text.casefold()
    return text


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a question, courtesy already left out, that carry its meaning.

    Where no blanks stand between words, each letter is one.
    """
    if unspaced.is_unspaced(text):
        return tuple("".join(text.split()) if has_code(text) else unspaced.units(text))
    pieces = (text if text.isascii() else text.translate(_APOSTROPHES)).split()
    if has_code(text):
        return _code_words(pieces)
    found: list[str] = []
    before_is_upper = False
    for place, piece in enumerate(pieces):
        after = pieces[place + 1] if place + 1 < len(pieces) else ""
        shouted = before_is_upper or after.isupper()
        is_minus = piece in _DASHES and after[:1].isdigit()
        found += "-" if is_minus else _words(piece, not after, shouted)
        before_is_upper = piece.isupper()
    return tuple(found) if _LEFT_OUT.isdisjoint(found) else tuple(_without_articles(found))


def _code_words(pieces: list[str]) -> tuple[str, ...]:
    """Return the pieces of code or of a question about code: in it every character may count."""
    if pieces:
        pieces[-1] = pieces[-1].rstrip("?!") or pieces[-1]
        pieces[0] = pieces[0][:1].lower() + pieces[0][1:] if pieces[0].istitle() else pieces[0]
    return tuple(piece for piece in pieces if piece not in ("the", "please", "kindly"))


@lru_cache(maxsize=1 << 13)
def _words(piece: str, is_last: bool, shouted: bool) -> Sequence[str]:
    inner = piece.strip(_EDGES)
    if not inner:
        # A symbol alone is what the question is about, but at its end, or as a dash.
        return [] if is_last and not piece.strip(_MARKS) else [piece]
    if inner.startswith("-") or not inner[:1].isalnum():
        return _symbol_words(piece, inner)
    word = _HYPHEN.sub("", _THOUSANDS.sub("", inner)).casefold()
    if inner.isupper() and not shouted and word in _ACRONYMS and len(word) > 1:
        return [inner]
    if word == "a":
        # An article stands before a word: behind a mark there is none.
        return [word, "\x1f"] if piece[-1] in _EDGES else [word]
    if "'" in word or word in _NEGATED:
        return _spelled_out(word)
    if not word.isalnum() or "." in inner:
        return [inner if _NUMBER.match(word) is None else word]
    return [word]


def _symbol_words(piece: str, inner: str) -> list[str]:
    """Return a flag, a code or an operator as it is written: its case counts."""
    if _NUMBER.match(inner):
        return [inner]
    return [piece.rstrip(_MARKS) or piece] if inner.strip("-\u2013\u2014") != "" else []


def _spelled_out(word: str) -> list[str]:
    if word in _NEGATED:
        return list(_NEGATED[word])
    if word.endswith("n't"):
        return [word[:-3], "not"]
    head, mark, tail = word.partition("'")
    ending = mark + tail
    if ending in _SHORTENED and (ending != "'s" or head in _ASKING):
        return [head, *_SHORTENED[ending]]
    return [head, ending] if ending in _SHORTENED or ending == "'" else [word]


def _without_articles(words: list[str]) -> list[str]:
    found: list[str] = []
    for place, word in enumerate(words):
        after = words[place + 1] if place + 1 < len(words) else ""
        if word in FILLERS or word == "\x1f":
            continue
        if word in _ARTICLES and after[:1].isalnum() and after not in _COUNTED:
            continue
        found.append(word)
    return found


def articles_agree(one: str, other: str) -> bool:
    """Return whether no word that both have is "a" thing in one question and "the" in the other."""
    mine, its = _articled(one), _articled(other)
    return all(its.get(word, article) == article for word, article in mine.items())


def _articled(text: str) -> dict[str, str]:
    words = text.casefold().split()
    return {
        after.strip(_EDGES): "the" if word == "the" else "a"
        for word, after in pairwise(words)
        if word in _ARTICLES
    }


def as_a_clause(question: tuple[str, ...], clause: tuple[str, ...]) -> bool:
    """Return whether a clause says a question in its own order: "when does it open" and "when it
    opens", "what is the fee" and "what the fee is"."""
    if clause[:1] in (("if",), ("whether",)):
        clause = clause[1:]
    if sorted(question) == sorted(clause):
        return _moved(question, clause)
    if clause[:2] == ("how", "to"):
        return (
            question[:2] == ("how", "do")
            and question[2:3] in _ANYBODY
            and question[3:] == clause[2:]
        )
    for helper in ("does", "did", "do"):
        if helper in question[:5] and helper not in clause and len(clause) == len(question) - 1:
            place = question.index(helper)
            return _inflected((*question[:place], *question[place + 1 :]), clause, helper)
    return False


def _moved(question: tuple[str, ...], clause: tuple[str, ...]) -> bool:
    """Return whether one auxiliary stands elsewhere and all else in its order."""
    for word in dict.fromkeys(question):
        if word not in _AUXILIARY:
            continue
        place = question.index(word)
        rest = (*question[:place], *question[place + 1 :])
        for at in (n for n, other in enumerate(clause) if other == word):
            if (*clause[:at], *clause[at + 1 :]) == rest:
                return True
    return False


def _inflected(question: tuple[str, ...], clause: tuple[str, ...], helper: str) -> bool:
    differing = [(a, b) for a, b in zip(question, clause, strict=True) if a != b]
    if helper == "do":
        return not differing
    if not differing:
        return helper == "did" and any(_PASTS.get(word) == word for word in question)
    verb, said = differing[0]
    return len(differing) == 1 and said in (_third(verb) if helper == "does" else _past(verb))


def _third(verb: str) -> tuple[str, ...]:
    if verb == "have":
        return ("has",)
    if verb.endswith("y") and verb[-2:-1] not in "aeiou":
        return (verb[:-1] + "ies",)
    return (verb + "es",) if verb.endswith(("s", "x", "z", "ch", "sh", "o")) else (verb + "s",)


def _past(verb: str) -> tuple[str, ...]:
    if verb in _PASTS:
        return (_PASTS[verb],)
    if verb.endswith("e"):
        return (verb + "d",)
    if verb.endswith("y") and verb[-2:-1] not in "aeiou":
        return (verb[:-1] + "ied",)
    return (verb + "ed", verb + verb[-1] + "ed")


def slipped(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Return whether two questions differ by one slip of spelling: a letter, or a blank."""
    if "".join(one) == "".join(other):
        return all(word.isalpha() for word in (*one, *other))
    if len(one) != len(other):
        return False
    differing = [(a, b) for a, b in zip(one, other, strict=True) if a != b]
    return len(differing) == 1 and is_slip(*differing[0])


def is_slip(one: str, other: str) -> bool:
    """Return whether two words may be one: long ones that differ by a single slip of spelling."""
    if max(len(one), len(other)) < SPELLED_FROM or one[0] != other[0]:
        return False
    if not (one.isalpha() and other.isalpha()):
        return False
    if max(one + other) > LAST_ALPHABETIC:
        return False
    return OSA.distance(one, other, score_cutoff=1) <= 1
