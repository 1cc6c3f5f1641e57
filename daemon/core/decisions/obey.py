"""Turns the commands of `control/` into actions and answers, in order of precedence."""

from daemon.core.decisions import actions as do
from daemon.core.decisions.commands import Command, explain_unknown, in_order
from daemon.core.decisions.snapshot import OrderOnDisk, RunOnDisk, Snapshot
from daemon.core.decisions.tries import goes_on
from daemon.core.workspace.versions import Version


def obey(snapshot: Snapshot) -> list[do.Action]:
    """Return the actions of all accepted commands; unanswered ones come again in the next tick."""
    return [action for command in in_order(snapshot.commands) for action in _one(snapshot, command)]


def _one(snapshot: Snapshot, command: Command) -> list[do.Action]:
    if command.from_before:
        why = "it is from before the daemon started"
        return [do.Reply(command, "stale", why)]
    match command.word:
        case "stop":
            return _stop(snapshot, command)
        case "resume":
            return [do.EndPause(command)]
        case "skip":
            return [_skip(snapshot, command)]
        case "promote":
            return _promote(snapshot, command, command.content.strip())
        case "rollback":
            return _rollback(snapshot, command)
        case "retry":
            return [do.Retry(command, tuple(command.content.split()))]
        case "lineage":
            return [_lineage(snapshot, command)]
        case "checkpoint":
            return [_request(snapshot, command, do.RequestCheckpoint(command))]
        case "evaluate":
            return [_request(snapshot, command, do.RequestEvaluation(command))]
        case _:
            return [do.Reply(command, "unknown", explain_unknown(command.word))]


def _stop(snapshot: Snapshot, command: Command) -> list[do.Action]:
    """Stop the daemon; in a series of tries the one in progress becomes the last."""
    stop: list[do.Action] = [do.Reply(command, "done", "stopping"), do.StopDaemon()]
    run = snapshot.run
    if run is None or run.last_try or not (run.try_number > 1 or goes_on(run)):
        return stop
    return [do.EndSeries(run.next_try or run.run), *stop]


def _skip(snapshot: Snapshot, command: Command) -> do.Action:
    run, order = snapshot.run, _order_meant(snapshot, command)
    if order is not None:
        return do.SkipOrder(order.order, command)
    if run is None:
        return do.Reply(command, "refused", "no run is in progress")
    job = command.content.strip() or run.jobs[0]
    if job not in run.jobs:
        return do.Reply(command, "too_late", f"{job} is not in the current run")
    if _sealed(snapshot, run) or (run.candidate is not None and not goes_on(run)):
        return do.Reply(command, "too_late", f"{run.run} is already trained")
    if not command.content and run.frozen_ns is not None and command.created_ns < run.frozen_ns:
        return do.Reply(command, "too_late", f"it is older than {run.run}, which began later")
    return do.MarkSkip(run.run, job, command)


def _order_meant(snapshot: Snapshot, command: Command) -> OrderOnDisk | None:
    """Return the order that a skip is about: the current one, or a waiting one by its name."""
    name = command.content.strip()
    if name:
        return next((order for order in snapshot.orders if order.order == name), None)
    if snapshot.current_order is not None or snapshot.run is not None:
        return snapshot.current_order
    return snapshot.orders[0] if snapshot.orders else None


def _sealed(snapshot: Snapshot, run: RunOnDisk) -> bool:
    return any(version.run == run.run for version in snapshot.versions.values())


def _rollback(snapshot: Snapshot, command: Command) -> list[do.Action]:
    target = command.content.strip()
    if not target:
        current = snapshot.version
        if current is None or current.parent is None:
            return [do.Reply(command, "refused", "the current version has no parent")]
        target = current.parent
    return _promote(snapshot, command, target)


def _promote(snapshot: Snapshot, command: Command, target: str) -> list[do.Action]:
    version = snapshot.versions.get(target)
    problem = _unfit(snapshot, target, version)
    if problem is not None:
        return [do.Reply(command, "refused", problem)]
    match snapshot.verified.get(target):
        case None:
            return [do.Verify(target)]
        case False:
            message = f"{target} is damaged: its checksums do not match its manifest"
            return [do.Reply(command, "refused", message)]
        case True:
            return [
                do.MoveLink(target, f"{command.word} on request"),
                do.Reply(command, "done", f"current_model is {target}"),
            ]


def _unfit(snapshot: Snapshot, target: str, version: Version | None) -> str | None:
    if version is None:
        return f"there is no version {target or '(no name was given)'!s}"
    if target == snapshot.current:
        return f"{target} is the current version already"
    if target not in snapshot.complete:
        return f"{target} was pruned: only its manifest is left"
    return None


def _lineage(snapshot: Snapshot, command: Command) -> do.Action:
    if command.content.strip() != "new":
        return do.Reply(command, "refused", "the file 'lineage' takes one word: new")
    if snapshot.base.name is None:
        refusal = snapshot.base.refusal
        not_yet = "the base model is not ready yet; try again in a moment"
        return do.Reply(command, "refused", refusal.message if refusal else not_yet)
    return do.NewLineage(command)


def _request(snapshot: Snapshot, command: Command, request: do.Action) -> do.Action:
    order = snapshot.current_order
    if order is not None:
        message = f"{order.order} is in progress: it saves each unit of its work by itself"
        return do.Reply(command, "refused", message)
    if snapshot.run is None or snapshot.trainer.state not in ("busy", "paused"):
        return do.Reply(command, "refused", "no run is in progress")
    return request
