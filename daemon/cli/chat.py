"""`generate` and `chat`: ask a version, or the base model, by hand."""

from contextlib import suppress
from typing import Annotated

import typer

from daemon.cli.place import HERE, Json, Root, workspace
from daemon.cli.screen import facts, safe, say
from daemon.cli.speaking import Speaker, choose, speaker
from daemon.core.examples import Turn

Version = Annotated[
    str | None,
    typer.Option(help="A version, or the path of one; current_model without.", metavar="V"),
]
Base = Annotated[bool, typer.Option("--base", help="The untouched base model.")]
System = Annotated[str | None, typer.Option(help="A system text before the prompt.")]
MaxTokens = Annotated[int, typer.Option(min=1, max=100_000, help="Longest answer, in tokens.")]


def generate(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What is asked.")],
    version: Version = None,
    base: Base = False,
    system: System = None,
    max_tokens: MaxTokens = 256,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """Answer one prompt."""
    layout = workspace(root)
    target = choose(layout, version, base)
    with speaker(layout, target) as speaking:
        answer = speaking.answer([*_opening(system), Turn("user", prompt)], max_tokens)
    if json:
        name = target.version.name if target.version else None
        facts({"version": name, "prompt": prompt, "answer": answer})
    else:
        typer.echo(safe(answer))


def chat(
    version: Version = None,
    base: Base = False,
    system: System = None,
    max_tokens: MaxTokens = 512,
    temperature: Annotated[float, typer.Option(min=0.0, max=2.0, help="0 for none.")] = 0.0,
    root: Root = HERE,
) -> None:
    """Talk to a model; it remembers the conversation."""
    layout = workspace(root)
    target = choose(layout, version, base)
    with speaker(layout, target) as speaking:
        say("training waits while this chat is open; /new begins afresh, /quit leaves", "dim")
        _converse(speaking, _opening(system), max_tokens, temperature)


def _opening(system: str | None) -> list[Turn]:
    return [Turn("system", system)] if system else []


def _converse(speaking: Speaker, opening: list[Turn], max_tokens: int, temperature: float) -> None:
    turns = list(opening)
    while True:
        line = _read()
        if line is None or line == "/quit":
            return
        if line == "/new":
            turns = list(opening)
            say("a new conversation", "dim")
        elif line:
            turns.append(Turn("user", line))
            turns.append(Turn("assistant", _speak(speaking, turns, max_tokens, temperature)))


def _read() -> str | None:
    """Return a line from the user; None at the end of the input."""
    with suppress(ImportError):
        # Importing it gives the prompt its editing keys and its history.
        import readline  # noqa: F401
    try:
        return input("> ").strip()
    except (EOFError, KeyboardInterrupt):
        return None


def _speak(speaking: Speaker, turns: list[Turn], max_tokens: int, temperature: float) -> str:
    pieces = []
    try:
        for piece in speaking.stream(turns, max_tokens, temperature):
            pieces.append(piece)
            typer.echo(safe(piece), nl=False)
    except KeyboardInterrupt:
        typer.echo(" …", nl=False)
    typer.echo("")
    return "".join(pieces)
