"""`generate` and `chat`: prompt a version, or the base model, by hand."""

from typing import Annotated

import typer

from daemon.cli.chat.conversation import ChatSession
from daemon.cli.chat.speakers import speaker
from daemon.cli.chat.speaking import LoadTarget, choose
from daemon.cli.output.screen import echo, facts, safe
from daemon.cli.place import HERE, Json, Root, workspace
from daemon.core.evaluation.sampling import Sampling
from daemon.core.rows.examples import Turn

Version = Annotated[
    str | None,
    typer.Option(help="A version, or the path of one; current_model without.", metavar="V"),
]
Base = Annotated[bool, typer.Option("--base", help="The untouched base model.")]
System = Annotated[str | None, typer.Option(help="A system text before the prompt.")]
PrefixName = Annotated[
    str | None,
    typer.Option(
        "--prefix", help="A text of the settings, or none; without, the version's own.", metavar="P"
    ),
]
MaxTokens = Annotated[int, typer.Option(min=1, max=100_000, help="Longest answer, in tokens.")]
Temperature = Annotated[
    float, typer.Option(min=0.0, max=2.0, help="0 for always the likeliest token.")
]
TopP = Annotated[
    float | None,
    typer.Option(min=0.01, max=1.0, help="Likeliest tokens with this total probability."),
]
TopK = Annotated[
    int | None, typer.Option(min=1, max=100_000, help="How many of the likeliest tokens.")
]
MinP = Annotated[
    float | None,
    typer.Option(min=0.0, max=1.0, help="Tokens with this share of the likeliest's probability."),
]
Seed = Annotated[
    int | None, typer.Option(min=0, max=2**32 - 1, help="The same seed gives the same answer.")
]
Stops = Annotated[
    list[str] | None,
    typer.Option("--stop", help="The answer ends before this text; may be repeated.", metavar="T"),
]
Alone = Annotated[
    bool, typer.Option("--here", help="Load the model in this process, even beside a server.")
]


def generate(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="The prompt.")],
    version: Version = None,
    base: Base = False,
    system: System = None,
    prefix: PrefixName = None,
    max_tokens: MaxTokens = 256,
    temperature: Temperature = 0.0,
    top_p: TopP = None,
    top_k: TopK = None,
    min_p: MinP = None,
    seed: Seed = None,
    stop: Stops = None,
    here: Alone = False,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """Answer one prompt."""
    layout = workspace(root)
    sampling = _sampling(max_tokens, temperature, top_p, top_k, min_p, seed, stop)
    target = choose(layout, version, base, prefix)
    with speaker(layout, target, here) as speaking:
        turns = [*_opening(system), Turn("user", prompt)]
        answer = "".join(speaking.stream(turns, sampling))
    if json:
        name = target.version.name if target.version else None
        before = target.prefix.name if target.prefix else None
        facts({"version": name, "prefix": before, "prompt": prompt, "answer": answer})
    else:
        typer.echo(safe(answer))


def chat(
    version: Version = None,
    base: Base = False,
    system: System = None,
    prefix: PrefixName = None,
    max_tokens: MaxTokens = 512,
    temperature: Temperature = 0.0,
    top_p: TopP = None,
    top_k: TopK = None,
    min_p: MinP = None,
    seed: Seed = None,
    stop: Stops = None,
    here: Alone = False,
    root: Root = HERE,
) -> None:
    """Chat with a model, or with two at once; they remember the conversation."""
    layout = workspace(root)
    sampling = _sampling(max_tokens, temperature, top_p, top_k, min_p, seed, stop)
    target = choose(layout, version, base, prefix)

    def pick(name: str) -> LoadTarget:
        named = None if name in ("base", "current") else name
        return choose(layout, named, name == "base", prefix)

    with speaker(layout, target, here) as speaking:
        if target.prefix is not None:
            echo(f"every conversation begins with the prefix {target.prefix.name}", "dim")
        waits = "training waits while this chat is open; " if speaking.here else ""
        echo(f"{waits}/help shows the commands, /quit leaves", "dim")
        ChatSession(speaking, pick, _opening(system), sampling).run()


def _sampling(
    max_tokens: int,
    temperature: float,
    top_p: float | None,
    top_k: int | None,
    min_p: float | None,
    seed: int | None,
    stop: list[str] | None,
) -> Sampling:
    """Return the sampling options of a command, checked to have an effect."""
    given = {"--top-p": top_p, "--top-k": top_k, "--min-p": min_p, "--seed": seed}
    without_effect = [name for name, value in given.items() if value is not None]
    if temperature == 0.0 and without_effect:
        raise typer.BadParameter(
            "has no effect at temperature 0: give a --temperature too",
            param_hint=", ".join(without_effect),
        )
    if "" in (stop or []):
        raise typer.BadParameter("is empty: give a text that ends an answer", param_hint="--stop")
    return Sampling(
        max_tokens, temperature, top_p or 1.0, top_k or 0, min_p or 0.0, seed, tuple(stop or ())
    )


def _opening(system: str | None) -> list[Turn]:
    return [Turn("system", system)] if system else []
