"""Identifies the language of a text, where that is certain."""

from functools import cache

import numpy as np
from py3langid.langid import MODEL_FILE, LanguageIdentifier

ENOUGH = 40
"""Fewest letters for an identification."""
SAMPLE = 160
"""Characters used."""
SURE = 0.9
"""Least probability for an identification."""
UNKNOWN = 0

_ENGLISH = (" the ", " and ", " of ", " to ", " you ", " that ", " with ")
_SAME = {"bs": "hr", "da": "no", "jv": "id", "mk": "bg", "ms": "id", "sk": "cs", "sr": "hr"}
"""Related languages that a few sentences do not distinguish; they count as one."""
_RARE = frozenset(
    [
        "ace",
        "an",
        "ary",
        "arz",
        "bcl",
        "crh",
        "dz",
        "ext",
        "fo",
        "fuv",
        "gcf",
        "gcr",
        "gl",
        "gom",
        "grc",
        "gug",
        "guw",
        "hbo",
        "kab",
        "kik",
        "lb",
        "lij",
        "ltg",
        "nn",
        "nso",
        "oc",
        "pcm",
        "sdh",
        "se",
        "sn",
        "st",
        "uzs",
        "vec",
        "vo",
        "wa",
        "wuu",
        "yue",
    ]
)
"""Left out: they mostly take probability from a large relative (Wu Chinese, Aragonese, Nynorsk)."""
_NO_WORDS = "zxx"


def language_of(text: str) -> int:
    """Return a number for a text's language, or `UNKNOWN` for short, mixed or doubtful text."""
    sample = text[:SAMPLE]
    if len(sample) <= ENOUGH or sample[0] in "{[<`|":
        return UNKNOWN
    # English is by far the most frequent; its function words are certain, ten times faster.
    if sum([word in sample for word in _ENGLISH]) >= 3:
        return _EN
    if sum(map(str.isalpha, sample)) < ENOUGH:
        return UNKNOWN
    code, sure = _identifier().classify(sample)
    if sure < SURE or code == _NO_WORDS:
        return UNKNOWN
    return number_of(code)


@cache
def _identifier() -> LanguageIdentifier:
    # The model takes a second to load and 90 MB, and many files need none.
    stored = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    classes = [place for place, code in enumerate(stored.nb_classes) if code not in _RARE]
    # The model is stored in half precision, which NumPy would convert for every text.
    return LanguageIdentifier(
        stored.nb_ptc[:, classes].astype(np.float32),
        stored.nb_pc[classes],
        # Labels that occur more than once have their probabilities added.
        [_SAME.get(stored.nb_classes[place], stored.nb_classes[place]) for place in classes],
        stored.tk_nextmove,
        stored.tk_output,
        norm_probs=True,
        tk_row=stored.tk_row,
    )


def number_of(code: str) -> int:
    """Return the number of a language code of two or three letters."""
    return int.from_bytes(code.encode("ascii"), "big")


def code_of(number: int) -> str:
    """Return the language code of a number; empty for `UNKNOWN`."""
    return number.to_bytes(4, "big").lstrip(b"\0").decode("ascii")


_EN = number_of("en")
