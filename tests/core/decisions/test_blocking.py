"""When what the trainer refused is tried again (docs/protocol.md)."""

from dataclasses import replace

import pytest

from daemon.core.decisions import actions as do
from daemon.core.decisions.blocking import (
    FIRST_REST_S,
    GIB,
    LONGEST_REST_S,
    SAVED_SETTINGS,
    Circumstances,
    Refusal,
    after,
    is_due,
)
from daemon.core.decisions.decide import blocked, decide
from daemon.core.decisions.snapshot import Attempts, Base, Snapshot
from tests.core import worlds as w

THEN = Circumstances("s", 7 * GIB, 1000.0)
NEVER = Refusal("r000007", "model_unsupported", "no such kind", False, THEN, "s")
PASSING = replace(NEVER, passing=True, message="the disk refused")
MEMORY = replace(NEVER, code="too_little_memory", message="9 GiB and there are 7")


def refused(refusal: Refusal, now: Circumstances, committed: int = 0) -> Snapshot:
    run = w.run(1, attempts=Attempts(since_step=committed))
    return w.quiet(run=run, running=w.running(1), refusal=refusal, now=now)


def later(seconds: float, **changes: object) -> Circumstances:
    return replace(THEN, at_s=THEN.at_s + seconds, **changes)  # type: ignore[arg-type]


def kinds(seen: Snapshot) -> list[str]:
    return [type(action).__name__ for action in decide(seen)]


@pytest.mark.parametrize("refusal", [NEVER, PASSING, MEMORY])
def test_a_refused_run_is_left_alone_while_its_causes_are_the_same(refusal: Refusal) -> None:
    seen = refused(refusal, later(1.0))
    assert decide(seen) == [] and blocked(seen) == refusal.message


@pytest.mark.parametrize("refusal", [NEVER, PASSING, MEMORY])
def test_a_refused_run_is_opened_anew_when_the_settings_are_edited(refusal: Refusal) -> None:
    """A run that a model was too large for stayed refused after the user chose a smaller one."""
    assert kinds(refused(refusal, later(1.0, settings="edited"))) == ["ReturnJob", "RemoveRun"]


def test_settings_that_were_edited_before_the_refusal_was_told_count_too() -> None:
    edited = replace(THEN, settings="edited")
    assert kinds(refused(replace(NEVER, under=edited), edited)) == ["ReturnJob", "RemoveRun"]


def test_a_run_that_waits_for_a_disk_keeps_what_it_has_committed_when_settings_are_edited() -> None:
    assert kinds(refused(PASSING, later(1.0, settings="edited"), committed=40)) == ["BeginRun"]
    again = replace(PASSING, under=replace(THEN, settings="edited"))
    assert kinds(refused(again, later(1.0, settings="edited"), committed=40)) == []


@pytest.mark.parametrize("refusal", [NEVER, MEMORY])
def test_a_run_that_waiting_does_not_help_is_opened_anew_whatever_it_has_committed(
    refusal: Refusal,
) -> None:
    seen = refused(refusal, later(1.0, settings="edited"), committed=40)
    assert kinds(seen) == ["ReturnJob", "RemoveRun"]


def test_a_run_whose_saved_settings_mean_nothing_keeps_what_it_has_committed() -> None:
    """It was begun anew by itself, and what it had committed was trained again."""
    unusable = replace(NEVER, code=SAVED_SETTINGS, tried_with="saved by an older release")
    for now in (later(1.0), later(1e6), later(1.0, settings="edited")):
        assert "RemoveRun" not in kinds(refused(unusable, now, committed=40))
    assert blocked(refused(unusable, later(1.0), committed=40)) == unusable.message
    assert kinds(refused(unusable, later(1.0))) == ["ReturnJob", "RemoveRun"], "nothing is lost"


def test_what_may_pass_by_itself_is_tried_again_after_a_rest_that_grows() -> None:
    """A run stayed refused for ever after one passing error of the disk."""
    refusal, rests = PASSING, []
    for _ in range(5):
        rests.append(next(s for s in range(10_000) if is_due(refusal, later(float(s)))))
        refusal = after(refusal, PASSING)
    assert rests == [FIRST_REST_S, 2 * FIRST_REST_S, 4 * FIRST_REST_S, *[LONGEST_REST_S] * 2]
    assert kinds(refused(PASSING, later(FIRST_REST_S))) == ["BeginRun"]
    assert kinds(refused(NEVER, later(1e6))) == []


def test_the_sentence_stands_until_the_run_has_begun() -> None:
    seen = refused(PASSING, later(FIRST_REST_S))
    assert decide(seen) == [do.BeginRun("r000007")] and blocked(seen) == PASSING.message


def test_too_little_memory_is_tried_again_when_there_is_clearly_more() -> None:
    """A step took 9 GiB and there were 7; the user closed a browser, and nothing happened."""
    assert not is_due(MEMORY, later(1.0, free_bytes=7 * GIB + GIB // 2))
    assert is_due(MEMORY, later(1.0, free_bytes=9 * GIB))
    assert not is_due(NEVER, later(1.0, free_bytes=90 * GIB))


def test_refusals_are_counted_for_one_run_under_the_same_settings() -> None:
    assert after(PASSING, PASSING).times == 2
    edited = replace(PASSING, under=replace(THEN, settings="edited"))
    assert after(PASSING, edited).times == 1
    assert after(PASSING, replace(PASSING, of="r000008")).times == 1


def test_a_base_that_could_not_be_made_ready_is_tried_again_after_a_rest() -> None:
    """A model that was copied to its place, or a network that came back, was never seen."""
    missing = replace(NEVER, of="tiny", code="model_missing")
    seen = w.quiet(base=Base("tiny", refusal=missing, now=later(1.0)))
    assert decide(seen) == [] and blocked(seen) == missing.message
    seen = w.quiet(base=Base("tiny", refusal=missing, now=later(FIRST_REST_S)))
    assert decide(seen) == [do.PrepareBase("tiny")]
    edited = later(1.0, settings="edited")
    assert decide(w.quiet(base=Base("tiny", refusal=NEVER, now=edited))) == [do.PrepareBase("tiny")]
