"""When a sweep has its turn, and what control files do to it."""

from daemon.core import actions as do
from daemon.core.decide import decide
from daemon.core.snapshot import Base, SweepOnDisk, Worker, with_one_sweep
from tests.core import worlds as w

SWEEP = SweepOnDisk("s000001", "x.jsonl")
SKIPPED = SweepOnDisk("s000001", "x.jsonl", skip=True)
BUSY = Worker("busy", "s000001")


def test_a_sweep_has_its_turn_when_no_job_waits() -> None:
    other = SweepOnDisk("s000002", "y.jsonl")
    assert decide(w.quiet(sweeps=(SWEEP, other))) == [do.BeginTrial("s000001")]


def test_a_job_goes_first() -> None:
    actions = decide(w.quiet(sweeps=(SWEEP,), queued=(w.queued(1),)))
    assert [type(action) for action in actions] == [do.OpenRun]


def test_a_run_waits_only_for_the_trial_in_hand() -> None:
    seen = w.quiet(sweeps=(SWEEP,), run=w.run(1), running=w.running(1), trainer=BUSY)
    assert decide(seen) == []
    freed = w.quiet(sweeps=(SWEEP,), run=w.run(1), running=w.running(1), trainer=Worker("idle"))
    assert decide(freed) == [do.BeginRun("r000007")]


def test_a_sweep_waits_until_the_base_is_ready() -> None:
    unready = w.quiet(sweeps=(SWEEP,), base=Base("tiny"))
    assert decide(unready) == [do.PrepareBase("tiny")]


def test_a_pause_holds_the_trial_and_its_end_lets_it_go_on() -> None:
    paused = w.quiet(sweeps=(SWEEP,), paused=True)
    assert decide(paused) == []
    assert decide(w.quiet(sweeps=(SWEEP,), paused=True, trainer=BUSY)) == [do.PauseTrainer()]
    waiting = w.quiet(sweeps=(SWEEP,), trainer=Worker("paused", "s000001"))
    assert decide(waiting) == [do.ResumeTrainer()]


def test_a_trial_is_paused_also_where_a_run_waits_for_its_end() -> None:
    seen = w.quiet(sweeps=(SWEEP,), run=w.run(1), running=w.running(1), trainer=BUSY, paused=True)
    assert decide(seen) == [do.PauseTrainer()]


def test_a_silent_trial_is_ended() -> None:
    silent = w.quiet(sweeps=(SWEEP,), trainer=Worker("busy", "s000001", silent_s=601.0))
    [action] = decide(silent)
    assert isinstance(action, do.EndTrainer) and action.dead


def test_a_skipped_sweep_leaves_its_trial_and_writes_its_result_even_while_paused() -> None:
    assert decide(w.quiet(sweeps=(SKIPPED,), trainer=BUSY)) == [do.LeaveTrial("s000001", "skipped")]
    assert decide(w.quiet(sweeps=(SKIPPED,), trainer=Worker("leaving", "s000001"))) == []
    assert decide(w.quiet(sweeps=(SKIPPED,), paused=True)) == [do.BeginTrial("s000001")]


def test_skip_means_what_the_trainer_has_in_hand() -> None:
    skip = w.command("skip")
    asked = w.quiet(
        sweeps=(SWEEP,), run=w.run(1), running=w.running(1), trainer=BUSY, commands=(skip,)
    )
    assert decide(asked)[0] == do.SkipSweep("s000001", skip)
    training = w.quiet(
        sweeps=(SWEEP,), run=w.run(1), running=w.running(1), commands=(skip,),
        trainer=Worker("busy", "r000007"),
    )  # fmt: skip
    assert decide(training)[0] == do.MarkSkip("r000007", "000001-job", skip)


def test_a_waiting_sweep_is_skipped_by_its_name() -> None:
    skip = w.command("skip", "s000002")
    other = SweepOnDisk("s000002", "y.jsonl")
    seen = w.quiet(sweeps=(SWEEP, other), trainer=BUSY, commands=(skip,))
    assert decide(seen)[0] == do.SkipSweep("s000002", skip)


def test_a_checkpoint_of_a_sweep_is_refused_with_the_reason() -> None:
    for word in ("checkpoint", "evaluate"):
        seen = w.quiet(
            sweeps=(SWEEP,), run=w.run(1), running=w.running(1), trainer=BUSY,
            commands=(w.command(word),),
        )  # fmt: skip
        answer = decide(seen)[0]
        assert isinstance(answer, do.Reply) and "sweep" in answer.message


def test_one_who_came_for_a_sweep_alone_sees_nothing_else() -> None:
    other = SweepOnDisk("s000002", "y.jsonl")
    seen = w.quiet(
        sweeps=(SWEEP, other), queued=(w.queued(1),), run=w.run(2), running=w.running(2),
        leftovers=("x",),
    )  # fmt: skip
    assert decide(with_one_sweep(seen, "s000002")) == [do.BeginTrial("s000002")]
