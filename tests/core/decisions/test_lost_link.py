"""What is done where `current_model` leads nowhere (fault V5, invariant I4)."""

from daemon.core.decisions import actions as do
from daemon.core.decisions.decide import decide
from daemon.core.decisions.snapshot import Snapshot, WorkerState
from tests.core import worlds as w

VERSIONS = {v.version: v for v in (w.version(0), w.version(1, 0), w.version(2, 1, promotes=False))}


def lost(verified: dict[str, bool], **changes: object) -> Snapshot:
    return w.quiet(
        versions=VERSIONS, complete=frozenset(VERSIONS), current=None, verified=verified, **changes
    )


def test_the_newest_that_was_promoted_is_read_first_and_then_linked() -> None:
    assert decide(lost({})) == [do.Verify("v000001")]
    assert decide(lost({"v000001": True})) == [
        do.MoveLink("v000001", "the link was missing or broken")
    ]


def test_a_damaged_one_is_passed_over() -> None:
    assert decide(lost({"v000001": False})) == [do.Verify("v000000")]


def test_where_none_is_whole_nothing_is_linked() -> None:
    assert decide(lost({"v000001": False, "v000000": False})) == []


def test_a_run_is_not_let_go_before_it_is_known_which_version_is_current() -> None:
    busy = WorkerState("busy", "r000007")
    seen = lost({}, run=w.run(1), running=w.running(1), trainer=busy)
    assert decide(seen) == [do.Verify("v000001")]


def test_what_the_user_promotes_goes_before() -> None:
    command = w.command("promote", "v000002")
    verified = {"v000001": True, "v000002": True}
    links = [
        action.version
        for action in decide(lost(verified, commands=(command,)))
        if isinstance(action, do.MoveLink)
    ]
    assert links == ["v000002"]
