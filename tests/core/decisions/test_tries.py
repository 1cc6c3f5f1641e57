"""When a run is tried again, and what the next try is told."""

from dataclasses import asdict, replace
from typing import Any

import pytest

from daemon.core.decisions import actions as do
from daemon.core.decisions.decide import decide
from daemon.core.decisions.promotion import Gate, Verdict, decide_verdict
from daemon.core.decisions.snapshot import Candidate, Snapshot
from daemon.core.decisions.tries import may_try_again, next_try
from daemon.core.records import from_json_value
from daemon.core.training.judgement import Forgetting, Judgement, PairedComparison
from daemon.core.training.manifests import Draft
from tests.core import worlds as w
from tests.manifests import manifest_record, run_request

GATE = Gate(0.05, 0.01, 0.02, "promote", 0.05, tries=2, try_tokens=1000)
FORGOT = Verdict("refuse", False, ("000001-a is forgotten",), forgot=True)
RISEN = Forgetting("000001-a", "v1", 20, 0.0, 1.0, 0.05, 0.5)
CANDIDATE = Candidate(Judgement(True, True, ()), {"000002-b": 4}, GATE, 1, 1000)


@pytest.mark.parametrize(
    ("candidate", "verdict", "again"),
    [
        (CANDIDATE, FORGOT, True),
        (replace(CANDIDATE, try_number=2), FORGOT, False),
        (replace(CANDIDATE, tokens=1001), FORGOT, False),
        (CANDIDATE, replace(FORGOT, forgot=False), False),
        (replace(CANDIDATE, gate=replace(GATE, tries=1)), FORGOT, False),
        (replace(CANDIDATE, gate=Gate(0.05, 0.01, 0.02, "promote")), FORGOT, False),
    ],
)
def test_only_forgetting_is_tried_again_within_the_bounds(
    candidate: Candidate, verdict: Verdict, again: bool
) -> None:
    assert may_try_again(candidate, verdict) is again


def test_each_try_has_half_the_rate_and_the_replay_that_the_last_one_asks_for() -> None:
    record = manifest_record(
        replay={
            "share": 0.1,
            "weights": {},
            "next_share": 0.3,
            "next_weights": {"000001-a": 5.0, "000002-b": 2.0},
        },
        metrics={"tokens": 900},
        judgement={"finite": True, "changed": True, "tests": [], "forgetting": [asdict(RISEN)]},
    )
    draft = from_json_value(record, Draft)
    request = run_request("r000002", jobs=["000002-b"])
    second = next_try(request, draft, FORGOT)
    assert second.number == 2 and second.rate_share == 0.5
    # The run's own rows are trained in each epoch: they are not replayed too.
    assert second.replay_share == 0.3 and second.replay_weights == {"000001-a": 5.0}
    third = next_try(replace(request, run="r000003", try_=second), draft, FORGOT)
    assert third.number == 3 and third.rate_share == 0.25
    assert [one.run for one in third.before] == ["r000002", "r000003"]
    assert third.before[1].rate_share == 0.5


def test_the_chance_of_a_false_better_is_divided_among_the_tries() -> None:
    better = PairedComparison("own_holdout", "v1", 20, -1.0, 0.04, 1.0)
    first_file = Judgement(True, True, (better,))
    assert decide_verdict(first_file, GATE).kind == "promote"
    later_file = Judgement(True, True, (better,), (), (RISEN,))
    assert decide_verdict(later_file, GATE).kind == "unproven"
    assert decide_verdict(later_file, replace(GATE, tries=1)).kind == "promote"


def forgetful(**changes: Any) -> Snapshot:
    """Return a workspace whose run has a candidate that forgot an earlier file."""
    risen = replace(RISEN, rise=0.3, p_worse=1e-5)
    candidate = replace(CANDIDATE, judgement=Judgement(True, True, (), (), (risen,)))
    seen = w.quiet(run=w.run(2, candidate=candidate), running=w.running(2))
    return replace(seen, **changes)


def acts(seen: Snapshot) -> list[type]:
    return [type(action) for action in decide(seen)]


def test_a_candidate_that_forgot_is_tried_again() -> None:
    assert do.TryAgain in acts(forgetful())


def test_skipping_the_job_ends_the_series() -> None:
    run = forgetful().run
    assert run is not None
    found = acts(forgetful(run=replace(run, skip="000002-job")))
    assert do.TryAgain not in found and do.SealCandidate not in found


def test_a_skip_between_two_tries_ends_the_series() -> None:
    """It was answered "already trained", and the next try began."""
    skip = w.command("skip")
    assert decide(forgetful(commands=(skip,)))[0] == do.MarkSkip("r000007", "000002-job", skip)


def test_a_stop_makes_the_try_in_progress_the_last() -> None:
    """After `stop` and a new start the series went on with the next try."""
    stop = w.command("stop")
    second = w.run(2, try_number=2)
    assert do.EndSeries("r000007") in decide(forgetful(run=second, commands=(stop,)))
    # Between two tries: the candidate there is, or the try that is opened already.
    assert acts(forgetful(commands=(stop,))) == [do.EndSeries, do.Reply, do.StopDaemon]
    begun = replace(forgetful().run or second, next_try="r000008")
    assert do.EndSeries("r000008") in decide(forgetful(run=begun, commands=(stop,)))
    # A run that is no try of a series is only interrupted.
    assert acts(forgetful(run=w.run(2), commands=(stop,))) == [do.Reply, do.StopDaemon]


def test_after_the_last_try_of_a_stopped_series_the_candidate_is_sealed() -> None:
    run = forgetful().run
    assert run is not None
    found = acts(forgetful(run=replace(run, last_try=True)))
    assert do.SealCandidate in found and do.TryAgain not in found


def test_a_link_that_was_moved_ends_the_series() -> None:
    chain = {one.version: one for one in (w.version(0), w.version(1, 0))}
    found = acts(forgetful(versions=chain, current="v000001", complete=frozenset(chain)))
    assert do.TryAgain not in found and do.ReturnJob in found


def test_a_run_that_has_been_tried_again_only_goes() -> None:
    """After a kill between the next try's opening and the end of the one before it."""
    run = forgetful().run
    assert run is not None
    assert acts(forgetful(run=replace(run, next_try="r000008"))) == [do.RemoveRun]
