"""The options of `generate` and `chat`: the model, the text before the prompt, the sampling."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.place import HERE, Root
from daemon.core.evaluation.sampling import Sampling
from daemon.core.rows.examples import Turn

MaxTokens = Annotated[int, typer.Option(min=1, max=100_000, help="Longest answer, in tokens.")]


@dataclass(frozen=True)
class ChatOptions:
    """The options that both commands share."""

    version: Annotated[
        str | None,
        typer.Option(help="A version, or its path; default: current_model.", metavar="V"),
    ] = None
    base: Annotated[bool, typer.Option("--base", help="The untouched base model.")] = False
    system: Annotated[str | None, typer.Option(help="A system text before the prompt.")] = None
    prefix: Annotated[
        str | None,
        typer.Option(
            help="A prefix in the settings, or none; default: the version's own.", metavar="P"
        ),
    ] = None
    max_tokens: MaxTokens = 512
    temperature: Annotated[float, typer.Option(min=0.0, max=2.0, help="0 for greedy decoding.")] = (
        0.0
    )
    top_p: Annotated[
        float | None,
        typer.Option(
            min=0.01, max=1.0, help="Only the likeliest tokens with this total probability."
        ),
    ] = None
    top_k: Annotated[
        int | None, typer.Option(min=1, max=100_000, help="Only this many of the likeliest tokens.")
    ] = None
    min_p: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=1.0, help="Only tokens with at least this share of the likeliest one's."
        ),
    ] = None
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**32 - 1, help="The same seed gives the same answer."),
    ] = None
    stop: Annotated[
        list[str] | None,
        typer.Option(help="The answer ends before this text; repeatable.", metavar="T"),
    ] = None
    here: Annotated[
        bool,
        typer.Option("--here", help="Load the model in this process, even beside a server."),
    ] = False
    root: Root = HERE

    @property
    def opening(self) -> list[Turn]:
        """What precedes the first prompt."""
        return [Turn("system", self.system)] if self.system else []

    def sampling(self) -> Sampling:
        """Return how answers are sampled.

        Raises:
            BadParameter: an option has no effect beside the others.
        """
        names = ("top_p", "top_k", "min_p", "seed")
        without_effect = [_option(name) for name in names if getattr(self, name) is not None]
        if self.temperature == 0.0 and without_effect:
            raise typer.BadParameter(
                "has no effect at temperature 0: add a --temperature",
                param_hint=", ".join(without_effect),
            )
        stops = tuple(self.stop or ())
        if "" in stops:
            raise typer.BadParameter(
                "is empty: name a text that ends an answer", param_hint="--stop"
            )
        return Sampling(
            self.max_tokens,
            self.temperature,
            self.top_p or 1.0,
            self.top_k or 0,
            self.min_p or 0.0,
            self.seed,
            stops,
        )


@dataclass(frozen=True)
class GenerateOptions(ChatOptions):
    """A single answer is shorter by default."""

    max_tokens: MaxTokens = 256
    schema: Annotated[
        Path | None,
        typer.Option(
            help="A file with a JSON schema: the answer is JSON that follows it.",
            exists=True,
            dir_okay=False,
            readable=True,
        ),
    ] = None

    def sampling(self) -> Sampling:
        """Return how the answer is sampled.

        Raises:
            BadParameter: an option has no effect, or the schema is not a JSON object.
        """
        sampling = super().sampling()
        return sampling if self.schema is None else replace(sampling, schema=_schema(self.schema))


def _schema(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
        if isinstance(json.loads(text), dict):
            return text
        why = "it is not an object"
    except ValueError as error:
        why = str(error)
    raise typer.BadParameter(f"{path} has no JSON schema: {why}", param_hint="--schema")


def _option(field: str) -> str:
    return f"--{field.replace('_', '-')}"
