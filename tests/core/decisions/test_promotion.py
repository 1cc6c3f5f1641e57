"""The verdict on a candidate (docs/protocol.md, rule R32)."""

from dataclasses import asdict, replace

import pytest

from daemon.core.decisions.promotion import Gate, decide_verdict
from daemon.core.records import from_json_value
from daemon.core.training.judgement import Forgetting, Judgement, LostAnswers, PairedComparison

GATE = Gate(level=0.05, min_effect=0.01, min_gain=0.02, unproven="promote")


def comparison(change: float, p_better: float, p_worse: float) -> PairedComparison:
    return PairedComparison("own_holdout", "v000001", 40, change, p_better, p_worse)


@pytest.mark.parametrize(
    ("change", "p_better", "p_worse", "verdict"),
    [
        (-0.5, 0.001, 0.999, "promote"),
        (+0.5, 0.999, 0.001, "refuse"),
        (-0.5, 0.2, 0.8, "unproven"),
        (-0.001, 0.001, 0.999, "unproven"),
        (+0.001, 0.999, 0.001, "unproven"),
    ],
)
def test_a_verdict_needs_significance_and_a_least_effect(
    change: float, p_better: float, p_worse: float, verdict: str
) -> None:
    """Fault V10."""
    judgement = Judgement(True, True, (comparison(change, p_better, p_worse),))
    assert decide_verdict(judgement, GATE).kind == verdict


def test_one_significant_loss_refuses_whatever_else_got_better() -> None:
    judgement = Judgement(
        True, True, (comparison(-1.0, 0.0001, 1.0), comparison(+1.0, 1.0, 0.0001))
    )
    assert decide_verdict(judgement, GATE).kind == "refuse"


def test_the_level_is_shared_by_all_comparisons() -> None:
    judgement = Judgement(True, True, tuple(comparison(-1.0, 0.02, 0.98) for _ in range(4)))
    assert decide_verdict(judgement, GATE).kind == "unproven"


def test_a_surer_comparison_leaves_more_of_the_level_to_the_others() -> None:
    """Holm's procedure: 0.04 would not do beside 0.02 and it does beside 0.001."""
    sure, other = comparison(-1.0, 0.001, 1.0), comparison(-1.0, 0.04, 0.96)
    assert len(decide_verdict(Judgement(True, True, (sure, other)), GATE).reasons) == 2
    less_sure = comparison(-1.0, 0.03, 0.97)
    assert decide_verdict(Judgement(True, True, (less_sure, other)), GATE).kind == "unproven"


def test_what_did_not_change_takes_nothing_of_the_level() -> None:
    unchanged = comparison(0.0, 1.0, 1.0)
    judgement = Judgement(True, True, (comparison(-1.0, 0.03, 0.97), *[unchanged] * 5))
    assert decide_verdict(judgement, GATE).kind == "promote"


def test_an_unproven_reason_says_what_the_correction_asked_for() -> None:
    """ "No decisive difference … p = 0.02" read as a contradiction at a level of 0.05."""
    tests = (comparison(-1.0, 0.02, 0.98), comparison(-1.0, 0.03, 0.97), comparison(0.1, 0.8, 0.2))
    first, second, third = decide_verdict(Judgement(True, True, tests), GATE).reasons
    assert first.endswith("p = 0.02; 3 tests together require p < 0.0167)")
    # The third alone would ask the second for 0.025; it is held up by the first.
    assert second.endswith("p = 0.03; 3 tests together require p < 0.0167)")
    assert third.endswith("p = 0.2)")


@pytest.mark.parametrize("worse", [False, True])
def test_an_unproven_reason_says_that_a_sure_change_is_too_small(worse: bool) -> None:
    """ "No decisive difference … p = 0.001" did not say that the change was below the least one."""
    test = comparison(0.001, 0.999, 0.001) if worse else comparison(-0.001, 0.001, 0.999)
    (reason,) = decide_verdict(Judgement(True, True, (test,)), GATE).reasons
    assert reason.endswith("p = 0.001; a change below 0.01 does not count)")


def test_what_was_tested_in_families_says_so() -> None:
    test = PairedComparison("own_holdout", "v000001", 40, -1.0, 0.001, 1.0, families=12)
    (reason,) = decide_verdict(Judgement(True, True, (test,)), GATE).reasons
    assert "on 40 items in 12 families of this run's held-out rows" in reason


@pytest.mark.parametrize(("change", "verdict"), [(0.3, "promote"), (-0.3, "refuse")])
def test_of_other_metrics_more_is_better(change: float, verdict: str) -> None:
    p = (0.001, 0.999) if change > 0 else (0.999, 0.001)
    test = PairedComparison("suite", "v000001", 40, change, *p, metric="exact_match")
    found = decide_verdict(Judgement(True, True, (test,)), GATE)
    assert found.kind == verdict
    assert "exact match" in found.reasons[0] and "nats" not in found.reasons[0]


def test_what_is_not_finite_or_unchanged_is_refused() -> None:
    """Faults T11, V10."""
    assert decide_verdict(Judgement(False, True, ()), GATE).kind == "refuse"
    assert decide_verdict(Judgement(True, False, ()), GATE).kind == "refuse"


def test_without_hold_out_items_the_setting_decides() -> None:
    empty = Judgement(True, True, ())
    assert decide_verdict(empty, GATE).promotes
    assert not decide_verdict(empty, Gate(0.05, 0.01, 0.02, "hold")).promotes


@pytest.mark.parametrize(
    ("answered", "empty", "endless", "verdict"),
    [(8, 8, 0, "refuse"), (8, 0, 4, "refuse"), (8, 2, 1, "promote"), (1, 1, 0, "promote")],
)
def test_a_candidate_that_no_longer_answers_is_refused_whatever_its_loss(
    answered: int, empty: int, endless: int, verdict: str
) -> None:
    """Fault: a mute model was promoted as significantly better, by the loss of its end marks."""
    better = comparison(-1.0, 0.0001, 1.0)
    lost = LostAnswers("own_holdout", "v000001", answered, empty, endless)
    found = decide_verdict(Judgement(True, True, (better,), (lost,)), GATE)
    assert found.kind == verdict
    if verdict == "refuse":
        assert f"of {answered} questions of this run's held-out rows" in found.reasons[0]


def test_a_draft_from_before_lost_answers_were_counted_is_judged_without_them() -> None:
    record = {"finite": True, "changed": True, "tests": []}
    assert from_json_value(record, Judgement).lost == ()


def forgetting(
    rise: float, p: float, *, name: str = "000001-a", tolerated: float = 0.05
) -> Forgetting:
    return Forgetting(name, "v2", 20, rise, 1.0, tolerated, p)


def test_a_rise_that_is_tolerated_refuses_nothing_however_sure() -> None:
    """A second file was refused because the first one's loss rose by 0.021 nats."""
    better = PairedComparison("own_holdout", "v2", 20, -1.0, 1e-6, 1.0)
    risen = PairedComparison("earlier_holdout", "v2", 20, 0.021, 1.0, 1e-6)
    found = decide_verdict(
        Judgement(True, True, (better, risen), (), (forgetting(0.021, 1e-6),)), GATE
    )
    assert found.kind == "promote" and not found.forgot


def test_forgetting_refuses_where_it_is_large_and_sure_and_no_gain_buys_it() -> None:
    better = PairedComparison("own_holdout", "v2", 20, -5.0, 1e-6, 1.0)
    sure, unsure = forgetting(0.2, 1e-4), forgetting(0.2, 0.3)
    found = decide_verdict(Judgement(True, True, (better,), (), (sure,)), GATE)
    assert found.kind == "refuse" and found.forgot
    assert "000001-a is forgotten" in found.reasons[0] and "+0.200" in found.reasons[0]
    assert decide_verdict(Judgement(True, True, (better,), (), (unsure,)), GATE).kind == "promote"


def test_a_refusal_for_something_else_too_is_not_for_forgetting_alone() -> None:
    worse = PairedComparison("own_holdout", "v2", 20, 1.0, 1.0, 1e-6)
    found = decide_verdict(Judgement(True, True, (worse,), (), (forgetting(0.2, 1e-4),)), GATE)
    assert found.kind == "refuse" and not found.forgot and len(found.reasons) == 2


def test_files_with_too_few_rows_to_tell_do_not_weaken_the_other_tests() -> None:
    tiny = tuple(Forgetting(f"{n:06}-tiny", "v2", 2, 0.0, 1.0, 0.05, 0.25) for n in range(30))
    judgement = Judgement(True, True, (), (), (forgetting(0.2, 0.02), *tiny))
    assert decide_verdict(judgement, GATE).kind == "refuse"


def test_right_answers_may_fall_within_the_floor() -> None:
    gate = Gate(0.05, 0.01, 0.02, "promote", floor=0.05)
    fallen = PairedComparison("mine", "v2", 400, -0.04, 1.0, 1e-6, "exact_match")
    assert decide_verdict(Judgement(True, True, (fallen,)), gate).kind == "unproven"
    assert (
        decide_verdict(Judgement(True, True, (replace(fallen, mean_change=-0.06),)), gate).kind
        == "refuse"
    )
    # Runs of releases without a floor keep their rule.
    assert decide_verdict(Judgement(True, True, (fallen,)), GATE).kind == "refuse"


def test_a_draft_keeps_what_was_forgotten() -> None:
    record = {
        "finite": True,
        "changed": True,
        "tests": [],
        "forgetting": [asdict(forgetting(0.2, 1e-4))],
    }
    assert from_json_value(record, Judgement).forgetting == (forgetting(0.2, 1e-4),)


@pytest.mark.parametrize(("fall", "verdict"), [(-0.02, "unproven"), (-0.08, "refuse")])
def test_a_suite_is_held_against_the_best_version_and_not_against_the_last(
    fall: float, verdict: str
) -> None:
    """Falls that are each tolerated added up."""
    last = replace(comparison(-0.02, 0.99, 0.01), name="facts", metric="exact_match")
    best = replace(last, against="v000000", mean_change=fall, p_worse=0.001)
    gate = replace(GATE, floor=0.05)
    judgement = Judgement(True, True, (last,), floors=(best,))
    found = decide_verdict(judgement, gate)
    assert found.kind == verdict
    alone = Judgement(True, True, (last,))
    assert decide_verdict(alone, gate).kind == "unproven"
    said = found.reasons[-1]
    assert "v000000 on 40 items of facts" in said
    # A large fall against the last version alone, which was better by luck, refuses nothing.
    lucky = replace(last, mean_change=-0.3, p_worse=0.001)
    near = replace(best, mean_change=-0.01, p_worse=0.3)
    assert decide_verdict(Judgement(True, True, (lucky,), floors=(near,)), gate).kind == "unproven"


def test_a_gain_over_the_best_version_of_a_suite_is_no_proof_by_itself() -> None:
    best = replace(comparison(0.2, 0.001, 0.999), name="facts", metric="exact_match")
    found = decide_verdict(Judgement(True, True, (), floors=(best,)), GATE)
    assert found.kind == "unproven" and found.reasons[0].startswith("no fall below v000001")


def test_judgements_of_older_releases_have_no_best_version_of_a_suite() -> None:
    old = {"finite": True, "changed": True, "tests": [], "lost_answers": [], "forgetting": []}
    assert from_json_value(old, Judgement).floors == ()


def test_a_fall_against_the_last_version_alone_is_told_and_refuses_nothing() -> None:
    """Fault: where a significant rise on earlier files was no reason and all that were one were
    proven and small, no verdict was reached: `None` was formatted as a number."""
    last = replace(comparison(0.03, 0.999, 0.001), name="earlier_holdout")
    risen = Forgetting("earlier_holdout", "v000000", 40, 0.03, 1.0, 0.1, 0.001)
    found = decide_verdict(Judgement(True, True, (last,), (), (risen,)), GATE)
    assert found.kind == "unproven"
    assert found.reasons[0].startswith("compared with the best version instead of v000001 on 40")
