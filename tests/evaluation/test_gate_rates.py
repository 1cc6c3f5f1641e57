"""How often the gate is wrong: simulated over many comparisons, with the tests it really uses."""

from dataclasses import asdict

import numpy as np

from daemon.core.promotion import Comparison, Gate, Judgement, Verdict, decide_verdict
from daemon.evaluation.paired import compare, compare_right

LEVEL = 0.05
GATE = Gate(LEVEL, 0.01, 0.02, "promote")
ITEMS = 32
TRIES = 1_000
MARGIN = 3.0 * float(np.sqrt(LEVEL * (1.0 - LEVEL) / TRIES))
"""Three standard errors of a share of so many tries."""
CHECKPOINTS = 6

Random = np.random.Generator


def judged(random: Random, shift: float, right: tuple[float, float]) -> Verdict:
    """Judge a candidate whose losses differ by `shift` on average, with the best checkpoint taken.

    Losses and right answers on own and earlier hold-outs, against the current version and the last
    proven one. Of the checkpoints the one is taken that is best on other items, as a run does.
    """
    spread = 0.3
    tune = random.normal(shift, spread / np.sqrt(ITEMS), CHECKPOINTS)
    chosen = int(np.argmin(tune))
    tests = []
    for name in ("own_holdout", "earlier_holdout"):
        changes = random.normal(shift, spread, (CHECKPOINTS, ITEMS))[chosen]
        before, after = (random.random(ITEMS) < share for share in right)
        for against in ("v000004", "v000002"):
            losses = compare(list(changes), [0.0] * ITEMS)
            tests.append(Comparison(name, against, **asdict(losses)))
            answers = compare_right(list(after), list(before))
            tests.append(Comparison(name, against, **asdict(answers), metric="exact_match"))
    return decide_verdict(Judgement(True, True, tuple(tests)), GATE)


def share(kind: str, shift: float, right: tuple[float, float], tries: int) -> float:
    random = np.random.default_rng(20261121)
    return sum(judged(random, shift, right).kind == kind for _ in range(tries)) / tries


def test_a_candidate_that_is_no_better_is_seldom_called_proven() -> None:
    assert share("promote", 0.0, (0.4, 0.4), TRIES) <= LEVEL + MARGIN


def test_a_candidate_that_is_no_worse_is_seldom_refused() -> None:
    assert share("refuse", 0.0, (0.4, 0.4), TRIES) <= LEVEL + MARGIN


def test_a_gain_of_a_quarter_nat_is_nearly_always_proven() -> None:
    assert share("promote", -0.25, (0.4, 0.6), 200) >= 0.95


def test_a_loss_of_a_quarter_nat_is_nearly_always_refused() -> None:
    assert share("refuse", 0.25, (0.4, 0.3), 200) >= 0.95


def test_fifty_small_losses_in_a_row_do_not_add_up_unseen() -> None:
    """Each is compared with its parent and with the last proven version: at most half adds up."""
    small, most = 0.02, 0.5
    for seed in range(20):
        random = np.random.default_rng(seed)
        first = proven = current = random.normal(2.0, 0.5, ITEMS)
        refused = False
        for _ in range(50):
            candidate = current + random.normal(small, 0.1, ITEMS)
            tests = tuple(
                Comparison("earlier_holdout", name, **asdict(compare(list(candidate), list(other))))
                for name, other in (("v000004", current), ("v000002", proven))
            )
            verdict = decide_verdict(Judgement(True, True, tests), GATE)
            refused = verdict.kind == "refuse"
            if refused:
                break
            proven = candidate if verdict.kind == "promote" else proven
            current = candidate
        assert refused and float(np.mean(current - first)) < most
