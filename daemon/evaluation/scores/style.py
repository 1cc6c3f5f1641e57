"""Style similarity to the training answers: cosine of tf-idf character trigrams.

Each text is a vector of the frequencies of its three-character runs, weighted by how rare a run is
among the training answers (tf-idf as in scikit-learn's `TfidfVectorizer(analyzer="char",
ngram_range=(3, 3), lowercase=False)`); the style is the mean of the training answers' vectors, the
likeness a cosine. Such profiles are standard in authorship attribution (Kešelj et al. 2003,
Stamatatos 2009). The number alone means little: compare a version's with the base's.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

SIZE = 3
MOST_TRIGRAMS = 4000
"""Trigrams that a style retains, the heaviest first: most of the weight of any style."""
LONGEST = 20_000
"""Characters of an answer that are used."""
BLANKS = re.compile(r"\s\s+")


@dataclass(frozen=True, slots=True)
class Style:
    """The mean vector of some answers."""

    answers: int
    rarity: Mapping[str, float]
    """The inverse document frequency of each retained trigram."""
    weights: Mapping[str, float]

    def likeness(self, answer: str) -> float:
        """Return the cosine of an answer with the style, in [0, 1]."""
        vector = _weighed(_runs(answer), self.rarity)
        length = math.sqrt(math.fsum(weight * weight for weight in self.weights.values()))
        if not vector or not length:
            return 0.0
        shared = math.fsum(self.weights[run] * weight for run, weight in vector.items())
        return min(1.0, shared / length)


def style_of(answers: Iterable[str]) -> Style | None:
    """Measure the style of answers; None if none of them has three characters.

    A thousand answers are plenty: the time grows with their characters.
    """
    counted = [_runs(answer) for answer in answers]
    counted = [runs for runs in counted if runs]
    if not counted:
        return None
    having = Counter(run for runs in counted for run in runs)
    total = len(counted)
    rarity = {run: math.log((1 + total) / (1 + count)) + 1.0 for run, count in having.items()}
    sums: Counter[str] = Counter()
    for runs in counted:
        sums.update(_weighed(runs, rarity))
    heaviest = sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_TRIGRAMS]
    return Style(
        total,
        {run: rarity[run] for run, _ in heaviest},
        {run: weight / total for run, weight in heaviest},
    )


def _runs(text: str) -> Counter[str]:
    cut = BLANKS.sub(" ", text[:LONGEST])
    return Counter(cut[at : at + SIZE] for at in range(len(cut) - SIZE + 1))


def _weighed(runs: Mapping[str, int], rarity: Mapping[str, float]) -> dict[str, float]:
    """Return the tf-idf vector of length 1 over the runs that are known."""
    vector = {run: count * rarity[run] for run, count in runs.items() if run in rarity}
    length = math.sqrt(math.fsum(weight * weight for weight in vector.values()))
    return {run: weight / length for run, weight in vector.items()}
