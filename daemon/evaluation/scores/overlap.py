"""Overlap of an answer with a golden one: exact match, token F1, ROUGE-L, BLEU, chrF.

References: exact match and token F1 as in SQuAD's `evaluate-v1.1.py` (transformers'
`squad_metrics`), ROUGE-L as in `rouge-score` without stemming, BLEU and chrF by `sacrebleu`.
"""

import json
import re
import string
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

from rapidfuzz.distance import LCSseq

ARTICLES = re.compile(r"\b(a|an|the)\b", re.UNICODE)
MARKS = frozenset(string.punctuation)
AROUND = ".,!?;:\"'()[]*_`"
"""Marks that are only punctuation at the edge of a word; inside one, as in 1.5, they matter."""
BETWEEN = re.compile(r"(?<=[^\W\d_])['-](?=[^\W\d_])")
WORDS = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
)
LONGEST = 20_000
"""Characters of a text that the slow measures use."""


def exact_match(golden: str, answer: str) -> bool:
    """Compare as JSON values where both are objects or lists, else as words.

    Case, articles and punctuation are ignored (SQuAD), except where one of the texts has marks
    with a meaning, as in numbers, formulas and code: there the words must be equal.
    """
    left, right = _structure(golden), _structure(answer)
    if left is not None and right is not None:
        return bool(left == right)
    if golden.split() == answer.split():
        return True
    if not (_plain(golden) and _plain(answer)):
        return False
    mine, other = normalised(golden), normalised(answer)
    if not mine or not other:
        # An answer like "A" is not an article.
        mine, other = _bare(golden), _bare(answer)
    return mine == other and bool(mine)


def normalised(text: str) -> str:
    """Return a text as SQuAD normalises it: lower case, no punctuation, no articles, one blank."""
    return " ".join(ARTICLES.sub(" ", _unmarked(text)).split())


def _bare(text: str) -> str:
    return " ".join(_unmarked(text).split())


def _unmarked(text: str) -> str:
    return "".join(char for char in text.lower() if char not in MARKS)


def _plain(text: str) -> bool:
    """Return whether all marks are at the edges of words, or between letters as in o'clock."""
    cores = [BETWEEN.sub("", word.strip(AROUND)) for word in text.split()]
    return all(core and MARKS.isdisjoint(core) for core in cores)


def _structure(text: str) -> Any:
    stripped = text.strip()
    if not stripped.startswith(("{", "[")):
        return None
    try:
        return json.loads(stripped)
    except (ValueError, RecursionError):
        return None


def token_f1(golden: str, answer: str) -> float:
    """Return the F1 of the words both have, after SQuAD's normalisation."""
    left, right = normalised(golden).split(), normalised(answer).split()
    if not left or not right:
        return float(left == right)
    return f1(sum((Counter(left) & Counter(right)).values()), len(right), len(left))


def f1(shared: float, given: int, wanted: int) -> float:
    """Return the F1 of a count shared by a given and a wanted number of items."""
    return 2.0 * shared / (given + wanted) if given + wanted else 1.0


def words_of(text: str) -> list[str]:
    """Return the words in lower case; a Chinese or Japanese character is a word by itself."""
    return WORDS.findall(text[:LONGEST].lower())


def rouge_l(golden: str, answer: str) -> float:
    """Return the F1 of the longest common subsequence of words."""
    left, right = words_of(golden), words_of(answer)
    if not left or not right:
        return 0.0
    return f1(LCSseq.similarity(left, right), len(right), len(left))


def bleu(goldens: Sequence[str], answer: str) -> float:
    """Return sacrebleu's sentence BLEU in [0, 1]: 13a tokens, exponential smoothing."""
    return _in_one(_bleu().sentence_score(answer[:LONGEST], _cut(goldens)).score)


def chrf(goldens: Sequence[str], answer: str) -> float:
    """Return sacrebleu's chrF2 in [0, 1]."""
    return _in_one(_chrf().sentence_score(answer[:LONGEST], _cut(goldens)).score)


def _cut(texts: Sequence[str]) -> list[str]:
    return [text[:LONGEST] for text in texts]


def _in_one(percent: float) -> float:
    # Rounding can end a little above 100.
    return min(1.0, max(0.0, percent / 100.0))


@cache
def _bleu() -> Any:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(effective_order=True)


@cache
def _chrf() -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()
