"""`generate` and `chat`: prompt a version, or the base model, by hand."""

from typing import Annotated

import typer

from daemon.cli.chat.conversation import ChatSession
from daemon.cli.chat.options import ChatOptions, GenerateOptions
from daemon.cli.chat.speakers import speaker
from daemon.cli.chat.speaking import LoadTarget, choose
from daemon.cli.option_groups import spread
from daemon.cli.output.screen import echo, facts, safe
from daemon.cli.place import Json, workspace
from daemon.core.rows.examples import Turn


@spread
def generate(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="The prompt.")],
    options: GenerateOptions,
    json: Json = False,
) -> None:
    """Answer one prompt."""
    layout = workspace(options.root)
    sampling = options.sampling()
    target = choose(layout, options.version, options.base, options.prefix)
    with speaker(layout, target, options.here) as speaking:
        turns = [*options.opening, Turn("user", prompt)]
        answer = "".join(speaking.stream(turns, sampling))
    if json:
        name = target.version.name if target.version else None
        before = target.prefix.name if target.prefix else None
        facts({"version": name, "prefix": before, "prompt": prompt, "answer": answer})
    else:
        typer.echo(safe(answer))


@spread
def chat(options: ChatOptions) -> None:
    """Chat with a model, or with two at once; they remember the conversation."""
    layout = workspace(options.root)
    sampling = options.sampling()
    target = choose(layout, options.version, options.base, options.prefix)

    def pick(name: str) -> LoadTarget:
        version = None if name in ("base", "current") else name
        return choose(layout, version, name == "base", options.prefix)

    with speaker(layout, target, options.here) as speaking:
        if target.prefix is not None:
            echo(f"every conversation begins with the prefix {target.prefix.name}", "dim")
        waits = "training waits while this chat is open; " if speaking.here else ""
        echo(f"{waits}/help shows the commands, /quit leaves", "dim")
        ChatSession(speaking, pick, options.opening, sampling).run()
