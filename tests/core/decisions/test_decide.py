"""The decisions of a tick, rule by rule (docs/protocol.md)."""

from dataclasses import replace

from daemon.core.decisions import actions as do
from daemon.core.decisions.decide import blocked, decide
from daemon.core.decisions.snapshot import Attempts, Base, Drop, Ended, WorkerState
from daemon.core.workspace.jobs import Incoming
from tests.core import worlds as w


def kinds(actions: list[do.Action]) -> list[str]:
    return [type(action).__name__ for action in actions]


def test_a_quiet_daemon_does_nothing() -> None:
    assert decide(w.quiet()) == []


def test_a_settled_file_is_claimed_even_while_paused() -> None:
    drop = Drop("a.jsonl", "normal", 10)
    assert decide(w.quiet(drops=(drop,), paused=True)) == [do.Claim(drop)]


def test_no_file_is_claimed_without_room_for_it() -> None:
    """Fault D1."""
    assert decide(w.quiet(drops=(Drop("a.jsonl", "normal", 10),), short_of_space=True)) == []


def test_the_most_urgent_claimed_file_is_taken_in_first() -> None:
    late = Incoming(w.card(9, priority="high"), None)
    early = Incoming(w.card(3), None)
    assert decide(w.quiet(incoming=(early, late))) == [do.BeginIntake(late.card)]


def test_a_job_counted_for_another_model_or_prefix_goes_through_intake_again() -> None:
    stale = replace(w.queued(1), intake=w.intake(template="old"))
    changed = replace(w.queued(2), prefix="other")
    good = replace(w.queued(3), intake=w.intake(prefix="p"), prefix="p")
    assert decide(w.quiet(queued=(stale, changed, good))) == [
        do.TakeInAgain(stale.card, "normal", "its tokens were counted for another model"),
        do.TakeInAgain(
            changed.card,
            "normal",
            "its tokens were counted with another prefix than the settings name now",
        ),
    ]
    assert kinds(decide(w.quiet(queued=(good,)))) == ["OpenRun"]


def test_a_job_read_in_another_plain_form_goes_through_intake_again() -> None:
    """Its rows would be encoded otherwise than they were counted, or were refused needlessly."""
    stale = replace(w.queued(1), plain_form="hermes-1")
    good = replace(w.queued(2), intake=w.intake(plain_form="hermes-1"), plain_form="hermes-1")
    [action] = decide(w.quiet(queued=(stale, good)))
    assert isinstance(action, do.TakeInAgain) and action.card == stale.card
    assert "template.left_out" in action.why
    assert kinds(decide(w.quiet(queued=(good,)))) == ["OpenRun"]


def test_a_job_whose_files_were_edited_in_the_queue_goes_through_intake_again() -> None:
    """Fault Q9."""
    edited = replace(w.queued(1), edited=True)
    [action] = decide(w.quiet(queued=(edited, w.queued(2))))
    assert isinstance(action, do.TakeInAgain) and action.card == edited.card
    assert "edited" in action.why


def test_a_file_that_kills_the_intake_worker_three_times_is_parked() -> None:
    """Fault Q5, invariant I6."""
    deadly = Incoming(w.card(1, intake_deaths=3), None)
    [action] = decide(w.quiet(incoming=(deadly,)))
    assert isinstance(action, do.EndJob) and action.outcome == "crashed"


def test_a_file_in_whose_reading_the_supervisor_dies_is_parked_after_ten_of_them() -> None:
    """Fault Q5: nobody saw who was guilty, so it is given more of them."""
    patient = Incoming(w.card(1), None, 9)
    assert kinds(decide(w.quiet(incoming=(patient,)))) == ["BeginIntake"]
    deadly = Incoming(w.card(1), None, 10)
    [action] = decide(w.quiet(incoming=(deadly,)))
    assert isinstance(action, do.EndJob) and action.outcome == "crashed"
    at_it = w.quiet(incoming=(deadly,), intake=WorkerState("busy", deadly.card.job))
    assert decide(at_it) == []


def test_a_file_that_was_never_begun_to_be_read_is_not_parked() -> None:
    """Fault Q5: a good file was parked because its daemon was killed ten times too early."""
    good = Incoming(w.card(1, intake_starts=50), None)
    assert kinds(decide(w.quiet(incoming=(good,)))) == ["BeginIntake"]


def test_an_accepted_job_is_queued_and_a_refused_one_ends() -> None:
    good = Incoming(w.card(1), w.intake())
    bad = Incoming(w.card(2), w.intake(verdict="refused", message="no good row"))
    actions = decide(w.quiet(incoming=(good, bad)))
    assert actions == [
        do.Enqueue(good.card),
        do.EndJob(bad.card, "incoming", "refused", "no good row"),
    ]


def test_a_file_that_changed_while_it_was_read_settles_again() -> None:
    """Fault N2."""
    job = Incoming(w.card(1), w.intake(verdict="changed"))
    assert decide(w.quiet(incoming=(job,))) == [do.PutBack(job.card)]


def test_the_base_model_is_prepared_and_sealed_before_anything_is_trained() -> None:
    unprepared = w.quiet(base=Base("tiny"), versions={}, complete=frozenset(), current=None)
    assert decide(unprepared) == [do.PrepareBase("tiny")]
    prepared = replace(unprepared, base=w.quiet().base)
    assert decide(prepared) == [do.SealBase()]


def test_small_jobs_of_equal_priority_are_gathered_into_one_run() -> None:
    jobs = tuple(w.queued(n, rows=1) for n in range(1, 11))
    [action] = decide(w.quiet(queued=jobs))
    assert isinstance(action, do.OpenRun) and len(action.jobs) == 10


def test_gathering_stops_at_enough_rows_at_another_priority_and_at_other_settings() -> None:
    for odd in (
        w.queued(2, priority="low"),
        w.queued(2, own_settings="[training]\nepochs = 1"),
        w.queued(2, alone=True),
    ):
        [action] = decide(w.quiet(queued=(w.queued(1), odd)))
        assert isinstance(action, do.OpenRun) and len(action.jobs) == 1
    [action] = decide(w.quiet(queued=(w.queued(1, rows=64), w.queued(2))))
    assert isinstance(action, do.OpenRun) and len(action.jobs) == 1


def test_nothing_is_begun_while_paused() -> None:
    """Fault C1."""
    assert decide(w.quiet(queued=(w.queued(1),), paused=True)) == []
    assert decide(w.quiet(run=w.run(1), running=w.running(1), paused=True)) == []


def test_a_rank_edited_in_the_settings_blocks_and_touches_no_job() -> None:
    """Faults T6, T8."""
    trained = w.version(1, parent=0)
    limits = replace(w.LIMITS, adapter=replace(w.ADAPTER, rank=8))
    seen = w.quiet(
        queued=(w.queued(1),),
        versions={"v000000": w.version(0), "v000001": trained},
        complete=frozenset({"v000000", "v000001"}),
        current="v000001",
        limits=limits,
    )
    assert decide(seen) == []
    reason = blocked(seen)
    assert reason is not None and "lineage new" in reason and "rank" in reason


def test_jobs_measured_for_another_tokenizer_go_back_to_intake() -> None:
    """Fault T8."""
    foreign = w.queued(1)
    foreign = replace(foreign, intake=replace(foreign.intake, tokenizer="other"))
    [action] = decide(w.quiet(queued=(foreign,)))
    assert isinstance(action, do.TakeInAgain)


def test_a_run_opened_before_a_crash_gathers_its_jobs_and_begins() -> None:
    """Fault Q1."""
    opened = w.run(1, 2, frozen_ns=None)
    seen = w.quiet(run=opened, running=w.running(1), queued=(w.queued(2), w.queued(3)))
    [action] = decide(seen)
    assert isinstance(action, do.MoveToRunning) and action.card.job == "000002-job"
    assert decide(w.quiet(run=opened, running=w.running(1, 2))) == [do.BeginRun("r000007")]


def test_jobs_in_running_without_a_run_go_back_to_their_queue() -> None:
    """Faults Q1, Q3."""
    [action] = decide(w.quiet(running=w.running(4)))
    assert isinstance(action, do.ReturnJob)


def test_pause_reaches_a_training_trainer_and_resume_a_paused_one() -> None:
    """Fault C1."""
    busy = WorkerState("busy", "r000007")
    seen = w.quiet(run=w.run(1), running=w.running(1), trainer=busy)
    assert decide(replace(seen, paused=True)) == [do.PauseTrainer()]
    waiting = replace(seen, trainer=WorkerState("paused", "r000007"))
    assert decide(waiting) == [do.ResumeTrainer()]
    assert decide(replace(waiting, paused=True)) == []
    long = replace(seen, trainer=WorkerState("paused", "r000007", idle_s=301.0), paused=True)
    (end,) = decide(long)
    assert isinstance(end, do.EndTrainer) and not end.dead
    gone = replace(seen, trainer=WorkerState("off"), paused=True)
    assert decide(gone) == []
    assert decide(replace(gone, paused=False)) == [do.BeginRun("r000007")]


def test_a_run_whose_start_is_no_longer_current_is_stopped_and_its_jobs_return() -> None:
    """Fault V4."""
    moved = w.quiet(
        run=w.run(1, start_version="v000001"),
        running=w.running(1),
        trainer=WorkerState("busy", "r000007"),
    )
    assert kinds(decide(moved)) == ["AbandonRun"]
    alone = replace(moved, trainer=WorkerState("idle"))
    assert kinds(decide(alone)) == ["ReturnJob", "RemoveRun"]
    assert decide(alone)[-1] == do.RemoveRun("r000007", "returned")


def test_a_candidate_is_sealed_once_and_a_sealed_run_only_finished() -> None:
    """Faults Q1, T9."""
    seen = w.quiet(run=w.run(1, candidate=w.candidate(1)), running=w.running(1))
    assert kinds(decide(seen)) == ["SealCandidate"]
    sealed = w.version(1, parent=0, run="r000007", job_ids=("000001-job",))
    after = replace(seen, versions={**seen.versions, "v000001": sealed})
    assert kinds(decide(after)) == ["MoveLink", "EndJob", "RemoveRun"]
    refused = replace(sealed, verdict="refuse", promotes=False)
    unused = decide(replace(after, versions={**seen.versions, "v000001": refused}))
    assert kinds(unused) == ["EndJob", "RemoveRun"]
    assert isinstance(unused[0], do.EndJob) and unused[0].outcome == "not_promoted"
    for part in ("v000001 is not used: refuse", "finetuned explain"):
        assert part in unused[0].reason
    assert decide(after)[-1] == do.RemoveRun("r000007", "trained", "v000001")


def test_a_sealed_version_never_moves_a_link_that_names_something_else() -> None:
    """Faults V5, V6."""
    sealed = w.version(2, parent=1, run="r000007", job_ids=("000001-job",))
    seen = w.quiet(run=w.run(1), running=w.running(1))
    seen = replace(seen, versions={**seen.versions, "v000002": sealed})
    assert kinds(decide(seen)) == ["EndJob", "RemoveRun"]


def test_three_deaths_seen_or_ten_unseen_park_a_lonely_job() -> None:
    """Fault Q5."""
    for attempts in (Attempts(3, 3, "SIGKILL"), Attempts(10, 0)):
        actions = decide(w.quiet(run=w.run(1, attempts=attempts), running=w.running(1)))
        assert kinds(actions) == ["EndJob", "RemoveRun"]
        assert isinstance(actions[0], do.EndJob) and actions[0].outcome == "crashed"
    kept = Attempts(9, 2, "SIGKILL")
    assert kinds(decide(w.quiet(run=w.run(1, attempts=kept), running=w.running(1)))) == ["BeginRun"]


def test_a_gathered_run_that_crashes_is_taken_apart_so_that_no_good_job_is_parked() -> None:
    """Fault Q5."""
    crashed = w.run(1, 2, attempts=Attempts(3, 3, "SIGSEGV"))
    actions = decide(w.quiet(run=crashed, running=w.running(1, 2)))
    assert kinds(actions) == ["ReturnJob", "ReturnJob", "RemoveRun"]
    assert actions[-1] == do.RemoveRun("r000007", "crashed")
    assert all(action.alone for action in actions if isinstance(action, do.ReturnJob))


def test_a_run_without_new_rows_ends_its_jobs_as_done() -> None:
    ended = w.run(1, ended=Ended("nothing_new", "nothing_new", "all rows were seen"))
    actions = decide(w.quiet(run=ended, running=w.running(1)))
    assert isinstance(actions[0], do.EndJob) and actions[0].outcome == "nothing_new"


def test_a_run_of_which_no_row_is_left_ends_its_jobs_as_done_and_takes_none_apart() -> None:
    """There was no such end: the run made a version of no row, and it was promoted."""
    ended = w.run(1, 2, ended=Ended("nothing_left", "nothing_left", "none is left"))
    *ends, removed = decide(w.quiet(run=ended, running=w.running(1, 2)))
    assert [end.outcome for end in ends if isinstance(end, do.EndJob)] == ["nothing_left"] * 2
    assert removed == do.RemoveRun("r000007", "nothing_left")


def test_a_job_gathered_with_others_ends_by_what_became_of_its_own_rows() -> None:
    """A job whose rows were all put aside ended as trained in a version that has none of them."""
    sealed = w.version(
        1, parent=0, run="r000007", job_ids=("000001-job",), left_empty=frozenset({"000002-job"})
    )
    seen = w.quiet(run=w.run(1, 2, 3), running=w.running(1, 2, 3))
    actions = decide(replace(seen, versions={**seen.versions, "v000001": sealed}))
    ends = [action for action in actions if isinstance(action, do.EndJob)]
    assert [end.outcome for end in ends] == ["trained", "nothing_left", "nothing_new"]
    assert [end.version for end in ends] == ["v000001", None, None]


def test_a_silent_trainer_is_ended_and_counted() -> None:
    """Fault Q6."""
    silent = WorkerState("busy", "r000007", silent_s=601.0)
    [action] = decide(w.quiet(run=w.run(1), running=w.running(1), trainer=silent))
    assert isinstance(action, do.EndTrainer) and action.dead


def test_a_job_is_parked_at_the_third_death_and_the_next_one_begins_with_no_rest() -> None:
    """Fault Q5: each look leads to the next step at once, whatever the clock says."""
    poisoned = w.run(1, attempts=Attempts(3, 3, "SIGSEGV"))
    ended, removed = decide(w.quiet(run=poisoned, running=w.running(1), queued=(w.queued(2),)))
    assert isinstance(ended, do.EndJob) and (ended.outcome, "SIGSEGV" in ended.reason) == (
        "crashed",
        True,
    )
    assert isinstance(removed, do.RemoveRun)
    assert decide(w.quiet(queued=(w.queued(2),))) == [do.OpenRun((w.queued(2).card,))]
    opened = w.run(2, frozen_ns=None)
    moved = decide(w.quiet(run=opened, queued=(w.queued(2),)))
    assert kinds(moved) == ["MoveToRunning"]
    assert kinds(decide(w.quiet(run=opened, running=w.running(2)))) == ["BeginRun"]


def test_starts_that_ended_with_the_daemon_are_borne_longer_than_deaths_that_were_seen() -> None:
    """Fault Q5: a laptop that is stopped each morning parks nothing."""
    for attempts, parked in [
        (Attempts(2, 2), False),
        (Attempts(3, 3), True),
        (Attempts(9, 2), False),
        (Attempts(10, 0), True),
    ]:
        actions = decide(w.quiet(run=w.run(1, attempts=attempts), running=w.running(1)))
        assert (kinds(actions) == ["EndJob", "RemoveRun"]) is parked


def test_a_silent_intake_worker_is_ended_and_counted() -> None:
    """Fault Q6: its file is tried again, and parked after three such deaths."""
    silent = WorkerState("busy", "000001-job", silent_s=601.0)
    found = decide(w.quiet(incoming=(Incoming(w.card(1), None),), intake=silent))
    [ending] = [action for action in found if isinstance(action, do.EndIntakeWorker)]
    assert ending.dead and "000001-job" in ending.why
    speaking = replace(silent, silent_s=599.0)
    assert kinds(decide(w.quiet(incoming=(Incoming(w.card(1), None),), intake=speaking))) == []


def test_idle_workers_leave_after_their_time() -> None:
    late = WorkerState("idle", idle_s=301.0)
    assert kinds(decide(w.quiet(trainer=late, intake=late))) == ["EndIntakeWorker", "EndTrainer"]


def test_a_run_whose_rows_were_edited_is_let_go_and_the_edited_job_goes_last() -> None:
    """Fault Q9: a start after a crash in between still sees why."""
    edited = replace(w.running(1)[0], edited=True)
    both = (edited, w.running(2)[0])
    at_it = WorkerState("busy", "r000007")
    [action] = decide(w.quiet(run=w.run(1, 2), running=both, trainer=at_it))
    assert isinstance(action, do.AbandonRun) and "000001-job were edited" in action.why
    actions = decide(w.quiet(run=w.run(1, 2), running=both))
    assert actions[:2] == [do.ReturnJob(both[1].card), do.ReturnJob(edited.card)]
    assert kinds(actions) == ["ReturnJob", "ReturnJob", "RemoveRun"]
    trained = w.run(1, 2, candidate=w.candidate(1, 2))
    assert kinds(decide(w.quiet(run=trained, running=both))) == ["SealCandidate"]


def test_a_run_of_which_a_job_is_missing_is_given_back_and_not_begun() -> None:
    """Faults Q3, Q9."""
    actions = decide(w.quiet(run=w.run(1, 2), running=w.running(2)))
    assert kinds(actions) == ["ReturnJob", "RemoveRun"]
    assert kinds(decide(w.quiet(run=w.run(1)))) == ["RemoveRun"]
