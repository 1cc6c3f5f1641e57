"""`evaluate` and `compare`: score what models answer to suites, one alone or several compared."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from daemon.cli.output.screen import cell, echo, err, facts, out
from daemon.cli.place import HERE, Json, Rehearse, Root, Wait, alive, workspace
from daemon.cli.requests.control_client import send_command
from daemon.cli.requests.endpoint import Endpoint, fetch
from daemon.cli.requests.evaluation import EvaluationOptions, open_evaluation
from daemon.cli.requests.order_client import run_order
from daemon.core.evaluation.evaluations import EvaluationRequest, pieces
from daemon.core.records import JsonObject
from daemon.core.workspace.orders import EVALUATION, kind_of
from daemon.errors import UserFault
from daemon.folders import outputs
from daemon.folders.orders import evaluations, orders
from daemon.layout import Layout

EVALUATE_WAIT_S = 120.0

Suites = Annotated[
    list[str] | None,
    typer.Option("--suite", help="A suite: its name, a file, or holdouts; all suites without."),
]
Limit = Annotated[int | None, typer.Option(help="Most items of each suite.", min=1)]
PrefixName = Annotated[
    str | None,
    typer.Option("--prefix", metavar="NAME|none", help="Instead of the one of the training."),
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Copy the reports there as well.")
]


def evaluate(
    evaluation: Annotated[
        str, typer.Argument(metavar="[EVALUATION]", help="One to show, or to continue.")
    ] = "",
    version: Annotated[
        str | None, typer.Option(help="A version, or an adapter's folder; the current without.")
    ] = None,
    base: Annotated[bool, typer.Option("--base", help="The base model alone.")] = False,
    suite: Suites = None,
    limit: Limit = None,
    prefix: PrefixName = None,
    listed: Annotated[bool, typer.Option("--list", help="List what was evaluated.")] = False,
    now: Annotated[bool, typer.Option("--now", help="Measure the run in training now.")] = False,
    to: Out = None,
    wait: Wait = False,
    rehearse: Rehearse = False,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """Run suites against a model, and score its answers."""
    layout = workspace(root)
    if now:
        send_command(layout, "evaluate", wait_s=EVALUATE_WAIT_S)
        return
    if listed:
        _list(layout, json)
        return
    if base and version is not None:
        raise UserFault("two_targets", "--base and --version exclude each other: give one")
    if evaluation and kind_of(evaluation) != EVALUATION:
        raise UserFault(
            "no_such_evaluation",
            f"{evaluation} is not an evaluation like e000001: name a model with --version",
        )
    if not evaluation:
        subject = "base" if base else version or "current_model"
        evaluation = open_evaluation(
            layout, EvaluationOptions((subject,), tuple(suite or ()), limit, prefix)
        )
    _finish(layout, evaluation, to, wait=wait, rehearse=rehearse, json=json)


def compare(
    subjects: Annotated[
        list[str] | None,
        typer.Argument(metavar="A B…", help="Versions, current_model, base, folders, answers."),
    ] = None,
    suite: Suites = None,
    limit: Limit = None,
    prefix: PrefixName = None,
    endpoint: Annotated[
        str | None, typer.Option(metavar="URL", help="A of another model: OpenAI's API there.")
    ] = None,
    model: Annotated[str, typer.Option(help="With --endpoint: the model to use.")] = "",
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --endpoint: its answers.")
    ] = None,
    key_variable: Annotated[
        str, typer.Option("--key-variable", metavar="NAME", help="Variable with the key, if any.")
    ] = "",
    to: Out = None,
    wait: Wait = False,
    rehearse: Rehearse = False,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """Run the same suites against two or more models, and test which is better."""
    layout = workspace(root)
    wanted = EvaluationOptions(tuple(subjects or ()), tuple(suite or ()), limit, prefix)
    if endpoint is not None:
        if not model or save is None:
            raise UserFault("endpoint_options", "--endpoint needs --model NAME and --save FILE")
        there = Endpoint(endpoint, model, key_variable)
        fetch(layout, wanted, there, save)
        wanted = EvaluationOptions((str(save), *wanted.subjects), wanted.suites, limit, prefix)
    if len(wanted.subjects) < 2:
        if endpoint is not None:
            echo(f"the answers are in {save}; name it, and another one, to compare them")
            return
        raise UserFault("one_subject", "name two or more to compare: finetuned compare base 42")
    evaluation = open_evaluation(layout, wanted)
    _finish(layout, evaluation, to, wait=wait, rehearse=rehearse, json=json)


def _finish(
    layout: Layout, evaluation: str, to: Path | None, *, wait: bool, rehearse: bool, json: bool
) -> None:
    """Run the evaluation, show it, and copy the reports."""
    place = layout.evaluation(evaluation)
    if not place.header.exists():
        raise UserFault("no_such_evaluation", f"there is no evaluation {evaluation}")
    if to is not None:
        outputs.check_folder(to, force=True)
    if orders.read_result(place) is None:
        progress = _Progress(layout, evaluation)
        run_order(layout, evaluation, wait=wait, rehearse=rehearse, report_progress=progress.report)
    result = orders.read_result(place)
    if result is not None and to is not None:
        files = [
            (name, (place.folder / name).read_bytes())
            for name in (*evaluations.REPORTS, place.result.name)
        ]
        outputs.put_folder(to, files, force=True)
    _show(layout, evaluation, result, json)


class _Progress:
    """Prints how far an evaluation is."""

    def __init__(self, layout: Layout, evaluation: str) -> None:
        self._place = layout.evaluation(evaluation)
        request = orders.read_request(self._place, EvaluationRequest)
        self.pieces = list(pieces(request.subjects, len(evaluations.read_suites(self._place))))
        self._printed = 0

    @property
    def done(self) -> int:
        """How many parts are done."""
        return sum(self._place.paper(one.suite, one.subject).exists() for one in self.pieces)

    def report(self) -> None:
        """Print a line when more is done than at the last one."""
        done = self.done
        if done > self._printed:
            self._printed = done
            err.print(f"{done} of {len(self.pieces)} done", markup=False, soft_wrap=True)


def _show(layout: Layout, evaluation: str, result: dict[str, Any] | None, json: bool) -> None:
    place = layout.evaluation(evaluation)
    if result is None:
        progress = _Progress(layout, evaluation)
        command = f"'finetuned evaluate {evaluation}'"
        running = alive(layout) is not None
        where = f"the daemon continues when no job waits, and {command} shows how far it is"
        if not running:
            where = f"{command}, or the next daemon, continues it"
        message = f"{progress.done} of {len(progress.pieces)} parts are done; {where}"
        if json:
            facts({"evaluation": evaluation, "outcome": None, "message": message})
        else:
            echo(f"{evaluation}: {message}.", "bold")
        return
    if json:
        facts(result)
        return
    from daemon.cli.output.evaluation_tables import print_report

    print_report(evaluation, evaluations.read_report(place))
    echo(f"The reports are in {place.folder}: {', '.join(evaluations.REPORTS)}.")


def _list(layout: Layout, json: bool) -> None:
    """List all evaluations by age."""
    found: list[JsonObject] = []
    for name in orders.names(layout, EVALUATION):
        place = layout.evaluation(name)
        result = orders.read_result(place)
        request = orders.read_request(place, EvaluationRequest)
        found.append(
            {
                "evaluation": name,
                "created_at": request.created_at,
                "title": request.title,
                "outcome": None if result is None else result["outcome"],
                "overall": None if result is None else result["overall"],
                "winner": None if result is None else result["winner"],
            }
        )
    if json:
        facts(found)
        return
    if not found:
        echo("nothing was evaluated by hand yet: use 'finetuned evaluate'")
        return
    table = Table("evaluation", "created", "title", "outcome", "mean", "winner", box=None)
    for row in found:
        means = [
            f"{name} {one['mean']:.3f}"
            for name, one in (row["overall"] or {}).items()
            if one is not None and one["mean"] is not None
        ]
        table.add_row(
            cell(row["evaluation"]),
            cell(str(row["created_at"])[:16].replace("T", " ")),
            cell(row["title"]),
            cell(row["outcome"] or "waits"),
            cell(", ".join(means)),
            cell(row["winner"]),
        )
    out.print(table)
