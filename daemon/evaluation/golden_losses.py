"""Losses of subjects on the golden answers, each compared with those of the first subject.

A file of answers has none.
"""

import math
from collections.abc import Mapping, Sequence

from daemon.core.evaluation.reports import SubjectLoss, TestedPair
from daemon.core.training.judgement import LOSS
from daemon.evaluation.bootstrap import Rows
from daemon.evaluation.pair_tests import Pairs, decided
from daemon.evaluation.paired import Labels, compare
from daemon.evaluation.scoring import mean_loss

OVERALL = "all"

Losses = Sequence[tuple[float, int] | None]
"""For each item the sum in nats and the tokens of its golden answer; None if it has no loss."""


def table_of(
    suites: Sequence[str],
    subjects: Sequence[str],
    found: Mapping[tuple[int, int], Losses],
    families: Sequence[Labels],
    level: float,
    seed: int,
    bases: Sequence[str | None],
) -> list[SubjectLoss]:
    """Return a record for each suite and subject with losses, then one for each over all suites.

    `found` has the losses by index of suite and subject, `families` the families of each suite's
    items, `bases` the base of each subject. The level holds for all tests of suites together, and
    for all tests over all suites.
    """
    together = {
        (len(suites), who): [one for place in range(len(suites)) for one in found[place, who]]
        for who in range(len(subjects))
        if all((place, who) in found for place in range(len(suites)))
    }
    names = [*suites, OVERALL]
    labels = [*families, [label for of_suite in families for label in of_suite]]
    tests = [
        test
        for part in (found, together)
        for test in decided(_against_first(names, subjects, part, labels, bases), level, seed)
    ]
    tested = {(test["suite"], test["subject"]): test for test in tests}
    return [
        _record(names[place], subjects[who], losses, tested.get((names[place], subjects[who])))
        for (place, who), losses in sorted({**found, **together}.items())
        if any(one is not None for one in losses)
    ]


def _against_first(
    names: Sequence[str],
    subjects: Sequence[str],
    found: Mapping[tuple[int, int], Losses],
    families: Sequence[Labels],
    bases: Sequence[str | None],
) -> list[Pairs]:
    tests = []
    for (place, who), losses in sorted(found.items()):
        if not who or (place, 0) not in found or bases[who] != bases[0]:
            continue  # a token of another base is another unit
        pairs = [
            (mine, first, label)
            for mine, first, label in zip(losses, found[place, 0], families[place], strict=True)
            # With another prefix an answer may be tokenized differently: not the same item then.
            if mine is not None and first is not None and mine[1] == first[1]
        ]
        if pairs:
            mine, others = [mine for mine, _, _ in pairs], [other for _, other, _ in pairs]
            labels = [label for _, _, label in pairs]
            test = compare(_per_token(mine), _per_token(others), labels)
            tests.append(
                Pairs(names[place], LOSS, subjects[who], subjects[0], mine, others, test, labels)
            )
    return tests


def _per_token(rows: Rows) -> list[float]:
    return [total / max(1, tokens) for total, tokens in rows]


def _record(suite: str, subject: str, losses: Losses, test: TestedPair | None) -> SubjectLoss:
    rows = [one for one in losses if one is not None]
    loss = mean_loss(rows)
    return {
        "suite": suite,
        "subject": subject,
        "items": len(rows),
        "tokens": sum(tokens for _, tokens in rows),
        "loss": loss,
        "perplexity": perplexity(loss),
        "test": test,
    }


def perplexity(loss: float | None) -> float | None:
    """Return e to the loss; None if that overflows a float."""
    return None if loss is None or not loss < 700.0 else math.exp(loss)
