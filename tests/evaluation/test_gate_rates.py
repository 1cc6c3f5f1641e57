"""How often the gate is wrong: simulated over many comparisons, with the tests it really uses."""

import numpy as np
import pytest

from benchmarks.gate_rates import (
    FOUR_VARIANTS,
    GATE,
    LEVEL,
    SETS,
    WORLDS,
    Drawn,
    World,
    candidates,
    draw,
    forgotten,
    lineage_rate,
    main,
    rate_of_test,
    verdict_of,
    verdict_of_series,
)
from daemon.core.decisions.promotion import Verdict, decide_verdict
from daemon.core.training.early_stopping import LossWatch, is_watched
from daemon.core.training.judgement import LOSS, Judgement

ITEMS = 32
TRIES = 1_000
MARGIN = 3.0 * float(np.sqrt(LEVEL * (1.0 - LEVEL) / TRIES))
"""Three standard errors of a share of so many tries."""
CHECKPOINTS = 6
SEED = 20261121
CHECKS, EVERY, EPOCH_STEPS, PATIENCE_STEPS, MIN_DELTA = 60, 10, 30, 200, 0.0
"""Of a run that may be stopped early: how often the tune rows are measured, and the settings."""
HARD = WORLDS[-1]
FEW_FAMILIES = World("families", 24, (1, 2, 3), 0.5, 0.7, 0.05, 0.0, 0.0)

Random = np.random.Generator
by_name = pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name.split(":")[0])


def chosen(drawn: Drawn, tune: Drawn, place: int) -> Drawn:
    """Return one try with the checkpoint that is best on other items, as a run takes it.

    Models are the checkpoints, then the two references.
    """
    best = int(np.argmin(tune.losses[place, :CHECKPOINTS].mean(axis=1)))
    kept = [best, CHECKPOINTS, CHECKPOINTS + 1]
    return Drawn(
        drawn.labels, drawn.losses[place : place + 1, kept], drawn.right[place, kept][None]
    )


def judged(world: World, tries: int, gain: float = 0.0) -> list[str]:
    """Judge candidates on two hold-outs against two references, the best checkpoint taken."""
    random = np.random.default_rng(SEED)
    sets = [draw(random, world, tries, CHECKPOINTS + 2, gain, CHECKPOINTS) for _ in SETS]
    tune = draw(random, world, tries, CHECKPOINTS + 2, gain, CHECKPOINTS)
    return [
        verdict_of([chosen(one, tune, place) for one in sets], 0).kind for place in range(tries)
    ]


def stopped_early(random: Random, world: World, *, by_tune_rows: bool) -> tuple[Verdict, bool]:
    """Judge what a run of mere noise left behind, and tell whether patience ended it.

    Each check finds another model, none better than the first. The run ends by the rules of
    `LossWatch` and by its tune rows; or by the judged rows themselves, as no run may do.
    """
    tune, own, earlier = (draw(random, world, 1, CHECKS + 2) for _ in range(3))
    watched = (tune if by_tune_rows else own).losses[0, :CHECKS].mean(axis=1)
    watch, kept, stopped = LossWatch(), CHECKS - 1, False
    for check in range(CHECKS):
        step = (check + 1) * EVERY
        if stopped or not is_watched(step, EVERY, EPOCH_STEPS, CHECKS * EVERY):
            continue
        watch = watch.after(step, float(watched[check]), MIN_DELTA)
        stopped = watch.spent(PATIENCE_STEPS)
    if stopped:
        assert watch.best_step is not None
        kept = watch.best_step // EVERY - 1
    models = [kept, CHECKS, CHECKS + 1]
    sets = [
        Drawn(one.labels, one.losses[:, models], one.right[:, models]) for one in (own, earlier)
    ]
    return verdict_of(sets, 0), stopped


@by_name
@pytest.mark.parametrize("metric", [LOSS, "exact_match"])
def test_a_test_by_families_keeps_its_level(world: World, metric: str) -> None:
    """The simulation knew dense normal changes only: no ties, no zeros, no families."""
    assert rate_of_test(SEED, world, metric, TRIES) <= LEVEL + MARGIN


def test_variants_that_count_as_independent_do_not_keep_it() -> None:
    """Fifty families of four variants without any effect were called better in a fifth of cases."""
    assert rate_of_test(SEED, FOUR_VARIANTS, LOSS, TRIES, families=False) > 3 * LEVEL
    assert rate_of_test(SEED, FOUR_VARIANTS, LOSS, TRIES) <= LEVEL + MARGIN


@by_name
def test_a_candidate_that_is_no_better_or_worse_is_seldom_proven_or_refused(world: World) -> None:
    """Each comparison stood in the simulation twice: that is easier than two that differ."""
    kinds = judged(world, TRIES // 2)
    margin = MARGIN * 2**0.5
    assert kinds.count("promote") / len(kinds) <= LEVEL + margin
    assert kinds.count("refuse") / len(kinds) <= LEVEL + margin


@pytest.mark.parametrize("world", [WORLDS[0], FEW_FAMILIES], ids=["dense", "families"])
def test_an_early_stop_on_other_rows_makes_no_candidate_look_proven(world: World) -> None:
    """The check that is kept is chosen by the tune rows; the judged ones are not looked at."""
    random = np.random.default_rng(SEED)
    found = [stopped_early(random, world, by_tune_rows=True) for _ in range(TRIES // 2)]
    assert sum(stopped for _, stopped in found) > len(found) / 2
    proven = sum(verdict.kind == "promote" for verdict, _ in found)
    assert proven / len(found) <= LEVEL + MARGIN * 2**0.5


def test_a_look_at_the_judged_rows_would_be_seen() -> None:
    """If they were looked at, the same runs would be proven far more often."""
    random = np.random.default_rng(SEED)
    peeked = [
        stopped_early(random, WORLDS[0], by_tune_rows=False)[0].kind for _ in range(TRIES // 4)
    ]
    assert peeked.count("promote") / len(peeked) > LEVEL + MARGIN


def test_a_gain_of_three_tenths_of_a_nat_is_nearly_always_proven() -> None:
    assert judged(WORLDS[0], 200, 0.3).count("promote") / 200 >= 0.95
    assert judged(HARD, 200, 0.4).count("promote") / 200 >= 0.95


def test_a_loss_of_a_quarter_nat_is_nearly_always_refused() -> None:
    assert judged(WORLDS[0], 200, -0.25).count("refuse") / 200 >= 0.95
    assert judged(HARD, 200, -0.4).count("refuse") / 200 >= 0.95


def test_the_benchmark_prints_a_row_for_each_test_and_says_what_is_too_much() -> None:
    said: list[str] = []
    main(said.append, 20, 20)
    assert len(said) == 2 + 2 * len(WORLDS) + 3 + 2 + 1
    assert all(line.startswith("| ") for line in said[:-1])


def test_fifty_small_losses_in_a_row_do_not_add_up_unseen() -> None:
    """Each was compared with its parent and the last proven version: half a nat could add up."""
    small, most = 0.02, 0.2
    for seed in range(20):
        random = np.random.default_rng(seed)
        first = best = current = random.normal(2.0, 0.5, ITEMS)
        refused = False
        for _ in range(50):
            candidate = current + random.normal(small, 0.1, ITEMS)
            losses = np.array([[candidate, best]])
            drawn = Drawn(list(range(ITEMS)), losses, losses > 0.0)
            judgement = Judgement(True, True, (), (), tuple(forgotten(drawn, 0, 0)))
            refused = decide_verdict(judgement, GATE).kind == "refuse"
            if refused:
                break
            current = candidate
            best = candidate if candidate.mean() < best.mean() else best
        assert refused and float(np.mean(current - first)) < most


def test_versions_that_are_alike_are_seldom_refused_for_the_best_one_of_them() -> None:
    """The best of many is the luckiest: held against it, the next one would seem worse."""
    assert lineage_rate(SEED, WORLDS[0], 50) <= LEVEL
    assert lineage_rate(SEED, HARD, 50) <= LEVEL
    assert lineage_rate(SEED, HARD, 50, -0.4) >= 0.9


def test_a_second_try_is_judged_where_the_first_forgot() -> None:
    random = np.random.default_rng(SEED)
    sets = [candidates(random, WORLDS[0], 50, gain) for gain in (0.0, -0.4)]
    forgot = [place for place in range(50) if verdict_of(sets, place).forgot]
    assert forgot
    assert verdict_of_series(sets, forgot[0]) == verdict_of(sets, forgot[0], mine=-1)
