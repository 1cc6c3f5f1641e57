"""`evaluate` and `compare`: run suites against one model, or against several and compare them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, TypedDict

import typer

from daemon.cli.option_groups import OrderOptions, spread
from daemon.cli.output.screen import echo, err, facts, out, table
from daemon.cli.place import workspace
from daemon.cli.requests.control_client import send_command
from daemon.cli.requests.endpoint import Endpoint, fetch
from daemon.cli.requests.evaluation import EvaluationOptions, answer_files, open_evaluation
from daemon.cli.requests.evaluation_time import announcement
from daemon.cli.requests.order_client import carry_out, existing, is_over, waiting
from daemon.core.evaluation.evaluations import EvaluationRequest, suite_runs
from daemon.core.evaluation.reports import OverallFigures
from daemon.core.evaluation.results import EvaluationResult
from daemon.core.workspace.orders import EVALUATION, kind_of
from daemon.errors import UserFault
from daemon.folders import outputs
from daemon.folders.orders import evaluations, orders
from daemon.layout import EvaluationLayout, Layout

EVALUATE_WAIT_S = 120.0

Out = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Copy the reports there as well.")
]


@dataclass(frozen=True)
class SuiteOptions:
    """Which suites are run, and how."""

    suite: Annotated[
        list[str] | None,
        typer.Option(help="A suite: its name, a file, or holdouts; default: all suites."),
    ] = None
    limit: Annotated[int | None, typer.Option(help="Most items of each suite.", min=1)] = None
    prefix: Annotated[
        str | None,
        typer.Option(metavar="NAME|none", help="Use this prefix instead of the trained one."),
    ] = None
    habit: Annotated[
        str, typer.Option(metavar="FILE", help="Trained file, or job, whose answers are the habit.")
    ] = ""
    save_answers: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write each subject's answers there, as files."),
    ] = None

    def against(self, *subjects: str) -> EvaluationOptions:
        """Return an evaluation of these subjects."""
        named = tuple(self.suite or ())
        return EvaluationOptions(subjects, named, self.limit, self.prefix, self.habit)


@spread
def evaluate(
    evaluation: Annotated[
        str, typer.Argument(metavar="[EVALUATION]", help="One to show, or to continue.")
    ] = "",
    version: Annotated[
        str | None,
        typer.Option(help="A version, or an adapter's folder; default: the current one."),
    ] = None,
    base: Annotated[bool, typer.Option("--base", help="The base model alone.")] = False,
    *,
    suites: SuiteOptions,
    listed: Annotated[bool, typer.Option("--list", help="List all evaluations.")] = False,
    now: Annotated[bool, typer.Option("--now", help="Evaluate the run in training now.")] = False,
    to: Out = None,
    options: OrderOptions,
) -> None:
    """Run suites against a model, and score its answers."""
    layout = workspace(options.root)
    if now:
        send_command(layout, "evaluate", wait_s=EVALUATE_WAIT_S)
        return
    if listed:
        _list(layout, options.json)
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
        wanted = replace(suites.against(subject), beside_base=True)
        evaluation = open_evaluation(layout, wanted)
    _finish(layout, evaluation, Copies(to, suites.save_answers), options)


@spread
def compare(
    subjects: Annotated[
        list[str] | None,
        typer.Argument(metavar="A B…", help="Versions, current_model, base, folders, answers."),
    ] = None,
    *,
    suites: SuiteOptions,
    endpoint: Annotated[
        str | None, typer.Option(metavar="URL", help="Use this OpenAI-compatible API as A.")
    ] = None,
    model: Annotated[str, typer.Option(help="With --endpoint: the model to use.")] = "",
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --endpoint: its answers.")
    ] = None,
    key_variable: Annotated[
        str, typer.Option("--key-variable", metavar="NAME", help="Variable with the key, if any.")
    ] = "",
    to: Out = None,
    options: OrderOptions,
) -> None:
    """Run the same suites against two or more models, and test which is better."""
    layout = workspace(options.root)
    wanted = suites.against(*(subjects or ()))
    if endpoint is not None:
        if not model or save is None:
            raise UserFault("endpoint_options", "--endpoint needs --model NAME and --save FILE")
        there = Endpoint(endpoint, model, key_variable)
        fetch(layout, wanted, there, save)
        wanted = suites.against(str(save), *wanted.subjects)
    if len(wanted.subjects) < 2:
        if endpoint is not None:
            echo(f"the answers are in {save}; name it, and another one, to compare them")
            return
        raise UserFault("one_subject", "name two or more to compare: finetuned compare base 42")
    _finish(layout, open_evaluation(layout, wanted), Copies(to, suites.save_answers), options)


@dataclass(frozen=True)
class Copies:
    """Where the results of an evaluation are copied to."""

    reports: Path | None
    answers: Path | None

    def check(self) -> None:
        """Refuse folders that cannot be written, before any work is done."""
        for folder in (self.reports, self.answers):
            if folder is not None:
                outputs.check_folder(folder, force=True)

    def write(self, place: EvaluationLayout) -> None:
        """Copy the reports, and write the answers of each subject as a file."""
        if self.reports is not None:
            names = (*evaluations.REPORTS, place.result.name)
            files = [(name, (place.folder / name).read_bytes()) for name in names]
            outputs.put_folder(self.reports, files, force=True)
        if self.answers is not None:
            outputs.put_folder(self.answers, list(answer_files(place)), force=True)


def _finish(layout: Layout, named: str, to: Copies, options: OrderOptions) -> None:
    """Have the evaluation carried out, show it, and copy the reports."""
    evaluation = existing(layout, EVALUATION, named)
    to.check()
    expected = None if is_over(layout, evaluation) else announcement(layout, evaluation)
    if expected is not None:
        err.print(expected, markup=False, soft_wrap=True)
    result = carry_out(
        layout, evaluation, options, EvaluationResult, lambda: _lines(*_parts(layout, evaluation))
    )
    if result is not None:
        to.write(layout.evaluation(evaluation))
    _show(layout, evaluation, result, options.json)


def _parts(layout: Layout, evaluation: str) -> tuple[int, int]:
    """Return how many parts of an evaluation are done, and how many there are."""
    place = layout.evaluation(evaluation)
    request = orders.read_request(place, EvaluationRequest)
    parts = list(suite_runs(request.subjects, len(evaluations.read_suites(place))))
    return sum(place.results(one.suite, one.subject).exists() for one in parts), len(parts)


def _lines(done: int, parts: int) -> list[str]:
    return [f"{number} of {parts} done" for number in range(1, done + 1)]


def _show(layout: Layout, evaluation: str, result: EvaluationResult | None, json: bool) -> None:
    place = layout.evaluation(evaluation)
    if result is None:
        done, parts = _parts(layout, evaluation)
        message = f"{done} of {parts} parts are done; {waiting(layout, evaluation, 'the rest')}"
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


class ListedEvaluation(TypedDict):
    """An evaluation as it is listed."""

    evaluation: str
    created_at: str
    title: str
    outcome: str | None
    overall: Mapping[str, OverallFigures | None] | None
    winner: str | None


def _list(layout: Layout, json: bool) -> None:
    """List all evaluations by age."""
    found: list[ListedEvaluation] = []
    for name in orders.names(layout, EVALUATION):
        place = layout.evaluation(name)
        result = orders.read_result(place, EvaluationResult)
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
        echo("there is no evaluation yet: run 'finetuned evaluate'")
        return
    out.print(
        table(("evaluation", "created", "title", "outcome", "mean", "winner"), map(_cells, found))
    )


def _cells(row: ListedEvaluation) -> tuple[object, ...]:
    means = [
        f"{name} {one['mean']:.3f}"
        for name, one in (row["overall"] or {}).items()
        if one is not None and one["mean"] is not None
    ]
    created = str(row["created_at"])[:16].replace("T", " ")
    return (
        row["evaluation"],
        created,
        row["title"],
        row["outcome"] or "waits",
        ", ".join(means),
        row["winner"],
    )
