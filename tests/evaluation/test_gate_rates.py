"""How often the gate is wrong: simulated over many comparisons, with the tests it really uses."""

from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from daemon.core.promotion import Comparison, Gate, Judgement, Verdict, decide_verdict
from daemon.core.stopping import Watch, is_watched
from daemon.evaluation.paired import compare, compare_right

LEVEL = 0.05
GATE = Gate(LEVEL, 0.01, 0.02, "promote")
ITEMS = 32
TRIES = 1_000
MARGIN = 3.0 * float(np.sqrt(LEVEL * (1.0 - LEVEL) / TRIES))
"""Three standard errors of a share of so many tries."""
CHECKPOINTS = 6
SETS = ("own_holdout", "earlier_holdout")
SPREAD = 0.3
"""Standard deviation of the change of an item's loss over a run, in nats a token."""
CHECKS, EVERY, EPOCH_STEPS, PATIENCE_STEPS, MIN_DELTA = 60, 10, 30, 200, 0.0
"""Of a run that may be stopped early: how often the tune rows are measured, and the settings."""

Random = np.random.Generator
Losses = NDArray[np.float64]


def judged(random: Random, shift: float, right: tuple[float, float]) -> Verdict:
    """Judge a candidate whose losses differ by `shift` on average, with the best checkpoint taken.

    Losses and right answers on own and earlier hold-outs, against the current version and the last
    proven one. Of the checkpoints the one is taken that is best on other items, as a run does.
    """
    tune = random.normal(shift, SPREAD / np.sqrt(ITEMS), CHECKPOINTS)
    chosen = int(np.argmin(tune))
    sets = [random.normal(shift, SPREAD, (CHECKPOINTS, ITEMS))[chosen] for _ in SETS]
    return verdict(random, sets, right)


def verdict(random: Random, sets: list[Losses], right: tuple[float, float]) -> Verdict:
    """Judge a candidate by its changes of the loss, an item each, on the hold-outs in turn."""
    tests = []
    for name, changes in zip(SETS, sets, strict=True):
        before, after = (random.random(ITEMS) < share for share in right)
        losses = compare(list(changes), [0.0] * ITEMS)
        answers = compare_right(list(after), list(before))
        for against in ("v000004", "v000002"):
            tests.append(Comparison(name, against, **asdict(losses)))
            tests.append(Comparison(name, against, **asdict(answers), metric="exact_match"))
    return decide_verdict(Judgement(True, True, tuple(tests)), GATE)


def stopped_early(random: Random, *, by_tune_rows: bool) -> tuple[Verdict, bool]:
    """Judge what a run of mere noise left behind, and tell whether patience ended it.

    Each check finds another model, none better than the first. The run ends by the rules of
    `Watch` and by its tune rows; or by the judged rows themselves, as no run may do.
    """
    tune, own, earlier = (random.normal(0.0, SPREAD, (CHECKS, ITEMS)) for _ in range(3))
    watched = (tune if by_tune_rows else own).mean(axis=1)
    watch, kept, stopped = Watch(), CHECKS - 1, False
    for check in range(CHECKS):
        step = (check + 1) * EVERY
        if stopped or not is_watched(step, EVERY, EPOCH_STEPS, CHECKS * EVERY):
            continue
        watch = watch.after(step, float(watched[check]), MIN_DELTA)
        stopped = watch.spent(PATIENCE_STEPS)
    if stopped:
        assert watch.best_step is not None
        kept = watch.best_step // EVERY - 1
    return verdict(random, [own[kept], earlier[kept]], (0.4, 0.4)), stopped


def share(kind: str, shift: float, right: tuple[float, float], tries: int) -> float:
    random = np.random.default_rng(20261121)
    return sum(judged(random, shift, right).kind == kind for _ in range(tries)) / tries


def test_a_candidate_that_is_no_better_is_seldom_called_proven() -> None:
    assert share("promote", 0.0, (0.4, 0.4), TRIES) <= LEVEL + MARGIN


def test_an_early_stop_on_other_rows_makes_no_candidate_look_proven() -> None:
    """The check that is kept is chosen by the tune rows; the judged ones are not looked at.

    If they were, the same runs would be proven far more often: the simulation would show it.
    """
    random = np.random.default_rng(20261121)
    found = [stopped_early(random, by_tune_rows=True) for _ in range(TRIES)]
    assert sum(stopped for _, stopped in found) > TRIES / 2
    assert sum(verdict.kind == "promote" for verdict, _ in found) / TRIES <= LEVEL + MARGIN
    peeked = [stopped_early(random, by_tune_rows=False)[0].kind for _ in range(TRIES // 4)]
    assert peeked.count("promote") / len(peeked) > LEVEL + MARGIN


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
