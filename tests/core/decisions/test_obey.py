"""What each control word leads to (docs/protocol.md, rules R36 and R37)."""

from dataclasses import replace

import pytest

from daemon.core.decisions import actions as do
from daemon.core.decisions.commands import in_order
from daemon.core.decisions.obey import obey
from daemon.core.decisions.snapshot import WorkerState
from tests.core import worlds as w


def reply(actions: list[do.Action]) -> tuple[str, str]:
    last = actions[-1]
    assert isinstance(last, do.Reply)
    return last.answer, last.message


def test_commands_of_one_tick_are_obeyed_by_precedence_and_none_cancels_another() -> None:
    """Fault C2."""
    given = tuple(w.command(word) for word in ("evaluate", "skip", "resume", "stop"))
    assert [c.word for c in in_order(given)] == ["stop", "resume", "skip", "evaluate"]


@pytest.mark.parametrize("word", ["skip", "checkpoint", "evaluate"])
def test_a_request_about_a_run_is_refused_without_one(word: str) -> None:
    """Fault C2."""
    assert reply(obey(w.quiet(commands=(w.command(word),))))[0] == "refused"


def test_an_unknown_word_is_answered_with_the_nearest_known_one() -> None:
    answer, message = reply(obey(w.quiet(commands=(w.command("puase"),))))
    assert (answer, message) == ("unknown", "unknown: did you mean 'pause'?")


@pytest.mark.parametrize("word", ["PAUSE", "Pause", "pause.txt"])
def test_another_case_or_an_ending_is_no_word_but_told_the_right_one(word: str) -> None:
    """Fault C5."""
    answer, message = reply(obey(w.quiet(commands=(w.command(word),))))
    assert (answer, message) == ("unknown", "unknown: did you mean 'pause'?")


def test_two_promotions_in_one_tick_are_carried_out_one_after_the_other() -> None:
    """Fault V6."""
    versions = {"v000000": w.version(0), "v000001": w.version(1, 0), "v000002": w.version(2, 1)}
    given = (w.command("promote", "v000001"), w.command("rollback", "v000002"))
    seen = w.quiet(
        versions=versions,
        complete=frozenset(versions),
        commands=given,
        verified={"v000001": True, "v000002": True},
    )
    moved = [action.version for action in obey(seen) if isinstance(action, do.MoveLink)]
    answers = [action.answer for action in obey(seen) if isinstance(action, do.Reply)]
    assert (moved, answers) == (["v000002", "v000001"], ["done", "done"])


def test_a_bare_skip_older_than_the_run_is_too_late() -> None:
    """Fault C7."""
    seen = w.quiet(run=w.run(1, frozen_ns=5_000), running=w.running(1))
    old = replace(seen, commands=(w.command("skip", created_ns=4_000),))
    assert reply(obey(old))[0] == "too_late"
    fresh = replace(seen, commands=(w.command("skip", created_ns=6_000),))
    [action] = obey(fresh)
    assert isinstance(action, do.MarkSkip) and action.job == "000001-job"


def test_a_skip_that_names_a_job_of_another_run_is_too_late() -> None:
    """Fault C7."""
    seen = w.quiet(run=w.run(1), commands=(w.command("skip", "000009-job"),))
    assert reply(obey(seen))[0] == "too_late"


def test_a_skip_after_training_is_too_late() -> None:
    """Fault C7."""
    seen = w.quiet(run=w.run(1, candidate=w.candidate(1)), commands=(w.command("skip"),))
    assert reply(obey(seen))[0] == "too_late"


def test_promotion_waits_for_the_checksums_and_refuses_a_damaged_version() -> None:
    """Fault V3."""
    versions = {"v000000": w.version(0), "v000001": w.version(1, parent=0)}
    seen = w.quiet(
        versions=versions, complete=frozenset(versions), commands=(w.command("promote", "v000001"),)
    )
    assert obey(seen) == [do.Verify("v000001")]
    assert reply(obey(replace(seen, verified={"v000001": False})))[0] == "refused"
    good = obey(replace(seen, verified={"v000001": True}))
    assert isinstance(good[0], do.MoveLink) and reply(good)[0] == "done"


def test_a_rollback_goes_to_the_parent_and_says_so_when_there_is_none() -> None:
    """Fault V4."""
    assert reply(obey(w.quiet(commands=(w.command("rollback"),))))[0] == "refused"
    versions = {"v000000": w.version(0), "v000001": w.version(1, parent=0)}
    seen = w.quiet(
        versions=versions,
        complete=frozenset(versions),
        current="v000001",
        commands=(w.command("rollback"),),
    )
    assert obey(seen) == [do.Verify("v000000")]


@pytest.mark.parametrize("target", ["v000009", "v000000", "", "../../etc"])
def test_no_link_moves_to_a_version_that_is_missing_or_current(target: str) -> None:
    """Fault V4."""
    assert reply(obey(w.quiet(commands=(w.command("promote", target),))))[0] == "refused"


def test_a_pruned_version_is_named_as_such() -> None:
    """Fault V4."""
    versions = {"v000000": w.version(0), "v000001": w.version(1, parent=0)}
    seen = w.quiet(versions=versions, commands=(w.command("promote", "v000001"),))
    assert "pruned" in reply(obey(seen))[1]


def test_a_checkpoint_is_asked_of_a_working_trainer() -> None:
    seen = w.quiet(
        run=w.run(1), trainer=WorkerState("busy", "r000007"), commands=(w.command("checkpoint"),)
    )
    assert isinstance(obey(seen)[0], do.RequestCheckpoint)


@pytest.mark.parametrize("word", ["stop", "skip", "checkpoint", "evaluate"])
def test_a_request_from_before_the_start_is_stale(word: str) -> None:
    """Fault C4, invariant I7."""
    old = replace(w.command(word), from_before=True)
    actions = obey(w.quiet(run=w.run(1), commands=(old,)))
    assert len(actions) == 1 and reply(actions)[0] == "stale"
