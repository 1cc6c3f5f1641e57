"""Assembles the commands and turns faults into one sentence and an exit code."""

import io
import sys
from importlib.metadata import version as installed
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from daemon.cli.commands import (
    analyze,
    audit,
    chat,
    control,
    demo,
    doctor,
    evaluate,
    explain,
    logs,
    progress,
    reproduce,
    retrain,
    run,
    serve,
    service,
    status,
    submit,
    sweep,
    versions,
)
from daemon.cli.commands.data import data
from daemon.cli.commands.preview import preview
from daemon.cli.output.screen import echo_error
from daemon.errors import Fault


class Faults(TyperGroup):
    """Turns an expected failure into a sentence on stderr and its exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except Fault as fault:
            echo_error(fault.message)
            raise typer.Exit(fault.exit_code) from fault


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"finetuned {installed('finetuned')}")
        raise typer.Exit


def _about(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """The fine-tune daemon: drop a JSONL file into inbox/, get a better model."""


def build() -> typer.Typer:
    """Return the whole command line."""
    app = typer.Typer(
        name="finetuned",
        cls=Faults,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.callback()(_about)
    app.command()(run.init)
    app.command()(run.run)
    app.command()(submit.submit)
    app.command()(preview)
    app.command()(sweep.sweep)
    app.command()(analyze.analyze)
    app.add_typer(data, name="data")
    app.command()(status.status)
    app.command()(logs.logs)
    app.add_typer(service.service, name="service")
    for command in (control.pause, control.resume, control.skip, control.stop):
        app.command()(command)
    app.command()(control.checkpoint)
    app.command()(evaluate.evaluate)
    app.command()(evaluate.compare)
    app.command()(retrain.retrain)
    app.add_typer(retrain.lineage, name="lineage")
    app.command("versions")(versions.versions)
    app.command()(progress.progress)
    app.command()(explain.explain)
    app.command()(audit.audit)
    app.command()(reproduce.reproduce)
    app.command()(versions.promote)
    app.command()(versions.rollback)
    app.command()(chat.generate)
    app.command()(chat.chat)
    app.command()(serve.serve)
    app.command()(doctor.doctor)
    app.command()(demo.demo)
    return app


def main() -> None:
    """Run the command `finetuned`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that is not UTF-8 gets escapes instead of an exception.
            stream.reconfigure(errors="backslashreplace")
    build()()
