"""A group of options: defined once, and each field an option like any other."""

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from daemon.cli.option_groups import spread


@dataclass(frozen=True)
class Colours:
    light: Annotated[str, typer.Option(help="The light one.")] = "white"
    dark: Annotated[int | None, typer.Option(min=0, help="The dark one.")] = None


def paint(*words: str) -> str:
    app = typer.Typer(add_completion=False)

    @app.command()
    @spread
    def command(
        what: Annotated[str, typer.Argument()] = "wall",
        *,
        colours: Colours,
        twice: Annotated[bool, typer.Option("--twice")] = False,
    ) -> None:
        typer.echo(f"{what} {colours} {twice}")

    return CliRunner().invoke(app, list(words)).output


def test_each_field_of_a_group_is_an_option_with_its_own_default() -> None:
    assert paint() == f"wall {Colours()} False\n"
    given = paint("door", "--dark", "3", "--twice", "--light", "grey")
    assert given == f"door {Colours('grey', 3)} True\n"
    assert "Invalid value" in paint("--dark", "-1")


def test_the_help_shows_the_fields_in_the_place_of_their_group() -> None:
    shown = paint("--help")
    places = [shown.index(name) for name in ("--light", "--dark", "--twice")]
    assert places == sorted(places) and "The light one." in shown and "colours" not in shown
