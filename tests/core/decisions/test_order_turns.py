"""When an order has its turn, and what control files do to it."""

from daemon.core.decisions import actions as do
from daemon.core.decisions.decide import decide
from daemon.core.decisions.snapshot import Base, OrderOnDisk, WorkerState, with_one_order
from tests.core import worlds as w

ORDER = OrderOnDisk("s000001", "x.jsonl")
SKIPPED = OrderOnDisk("s000001", "x.jsonl", skip=True)
BUSY = WorkerState("busy", "s000001")


def test_an_order_has_its_turn_when_no_job_waits() -> None:
    other = OrderOnDisk("s000002", "y.jsonl")
    assert decide(w.quiet(orders=(ORDER, other))) == [do.BeginUnit("s000001")]


def test_a_job_goes_first() -> None:
    actions = decide(w.quiet(orders=(ORDER,), queued=(w.queued(1),)))
    assert [type(action) for action in actions] == [do.OpenRun]


def test_a_run_waits_only_for_the_piece_in_hand() -> None:
    seen = w.quiet(orders=(ORDER,), run=w.run(1), running=w.running(1), trainer=BUSY)
    assert decide(seen) == []
    freed = w.quiet(
        orders=(ORDER,), run=w.run(1), running=w.running(1), trainer=WorkerState("idle")
    )
    assert decide(freed) == [do.BeginRun("r000007")]


def test_an_order_waits_until_the_base_is_ready() -> None:
    unready = w.quiet(orders=(ORDER,), base=Base("tiny"))
    assert decide(unready) == [do.PrepareBase("tiny")]


def test_a_pause_holds_the_piece_and_its_end_lets_it_go_on() -> None:
    paused = w.quiet(orders=(ORDER,), paused=True)
    assert decide(paused) == []
    assert decide(w.quiet(orders=(ORDER,), paused=True, trainer=BUSY)) == [do.PauseTrainer()]
    waiting = w.quiet(orders=(ORDER,), trainer=WorkerState("paused", "s000001"))
    assert decide(waiting) == [do.ResumeTrainer()]


def test_a_piece_is_paused_also_where_a_run_waits_for_its_end() -> None:
    seen = w.quiet(orders=(ORDER,), run=w.run(1), running=w.running(1), trainer=BUSY, paused=True)
    assert decide(seen) == [do.PauseTrainer()]


def test_a_silent_piece_is_ended() -> None:
    silent = w.quiet(orders=(ORDER,), trainer=WorkerState("busy", "s000001", silent_s=601.0))
    [action] = decide(silent)
    assert isinstance(action, do.EndTrainer) and action.dead


def test_a_skipped_order_leaves_its_piece_and_writes_its_result_even_while_paused() -> None:
    assert decide(w.quiet(orders=(SKIPPED,), trainer=BUSY)) == [do.LeaveUnit("s000001", "skipped")]
    assert decide(w.quiet(orders=(SKIPPED,), trainer=WorkerState("leaving", "s000001"))) == []
    assert decide(w.quiet(orders=(SKIPPED,), paused=True)) == [do.BeginUnit("s000001")]


def test_skip_means_what_the_trainer_has_in_hand() -> None:
    skip = w.command("skip")
    asked = w.quiet(
        orders=(ORDER,), run=w.run(1), running=w.running(1), trainer=BUSY, commands=(skip,)
    )
    assert decide(asked)[0] == do.SkipOrder("s000001", skip)
    training = w.quiet(
        orders=(ORDER,),
        run=w.run(1),
        running=w.running(1),
        commands=(skip,),
        trainer=WorkerState("busy", "r000007"),
    )
    assert decide(training)[0] == do.MarkSkip("r000007", "000001-job", skip)


def test_a_waiting_order_is_skipped_by_its_name() -> None:
    skip = w.command("skip", "s000002")
    other = OrderOnDisk("s000002", "y.jsonl")
    seen = w.quiet(orders=(ORDER, other), trainer=BUSY, commands=(skip,))
    assert decide(seen)[0] == do.SkipOrder("s000002", skip)


def test_a_checkpoint_of_an_order_is_refused_with_the_reason() -> None:
    for word in ("checkpoint", "evaluate"):
        seen = w.quiet(
            orders=(ORDER,),
            run=w.run(1),
            running=w.running(1),
            trainer=BUSY,
            commands=(w.command(word),),
        )
        answer = decide(seen)[0]
        assert isinstance(answer, do.Reply) and "s000001" in answer.message


def test_one_who_came_for_an_order_alone_sees_nothing_else() -> None:
    other = OrderOnDisk("s000002", "y.jsonl")
    seen = w.quiet(
        orders=(ORDER, other),
        queued=(w.queued(1),),
        run=w.run(2),
        running=w.running(2),
        leftovers=("x",),
    )
    assert decide(with_one_order(seen, "s000002")) == [do.BeginUnit("s000002")]
