"""The interactive session of `finetuned chat`: input lines, commands, one model or two at once."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import typer

from daemon.cli.chat.speakers import Speaking
from daemon.cli.chat.speaking import LoadTarget
from daemon.cli.output.screen import echo, echo_error, safe
from daemon.core.evaluation.sampling import Sampling
from daemon.core.rows.examples import Turn
from daemon.errors import Fault

COMMANDS = {
    "/new": "start a new conversation",
    "/version V": "let version V answer from now on; also base and current",
    "/compare A B": "let both A and B answer every prompt; /version V ends it",
    "/help": "show this",
    "/quit": "leave",
}
HELP = "\n".join(f"{command:14}{words}" for command, words in COMMANDS.items())
Choose = Callable[[str], LoadTarget]
"""Finds the version that a user names; raises a fault where there is no such version."""


@dataclass
class ChatSide:
    """One model that answers, with its conversation so far."""

    target: LoadTarget
    turns: list[Turn]


class ChatSession:
    """Reads lines until the user quits."""

    def __init__(
        self, speaking: Speaking, choose: Choose, opening: Sequence[Turn], sampling: Sampling
    ) -> None:
        """`opening` precedes the first prompt."""
        self._speaking = speaking
        self._choose = choose
        self._opening = tuple(opening)
        self._sampling = sampling
        self._sides = [ChatSide(speaking.target, list(opening))]

    def run(self) -> None:
        """Answer line after line."""
        while (line := _read()) is not None and line != "/quit":
            words = line.split()
            if words and words[0].startswith("/") and "/" not in words[0][1:]:
                self._command(words[0], words[1:])
            elif line:
                self._answer(line)

    def _command(self, command: str, names: list[str]) -> None:
        match command, names:
            case "/new", []:
                for side in self._sides:
                    side.turns = list(self._opening)
                echo("a new conversation", "dim")
            case "/version", [name]:
                self._change([name])
            case "/compare", [first, second]:
                self._change([first, second])
            case "/help", []:
                echo(HELP, "dim")
            case _:
                echo_error(f"{' '.join([command, *names])} is not a command; there are:")
                echo(HELP, "dim")

    def _change(self, names: list[str]) -> None:
        """Switch to other models; they continue the conversation of the first one so far."""
        turns = self._sides[0].turns
        try:
            sides = [ChatSide(self._choose(name), list(turns)) for name in names]
            self._speaking.switch_to(sides[0].target)
        except Fault as fault:
            echo_error(fault.message)
            return
        self._sides = sides
        named = " and ".join(side.target.name for side in sides)
        both = "both answer" if len(sides) > 1 else "answers"
        echo(f"{named}: {both} from now on", "dim")

    def _answer(self, line: str) -> None:
        for side in self._sides:
            if len(self._sides) > 1:
                echo(f"{side.target.name}:", "bold")
            try:
                self._speaking.switch_to(side.target)
                prompt = Turn("user", line)
                answer = self._stream([*side.turns, prompt])
            except Fault as fault:
                echo_error(fault.message)
                continue
            side.turns += [prompt, Turn("assistant", answer)]

    def _stream(self, turns: list[Turn]) -> str:
        chunks = []
        try:
            for chunk in self._speaking.stream(turns, self._sampling):
                chunks.append(chunk)
                typer.echo(safe(chunk), nl=False)
        except KeyboardInterrupt:
            typer.echo(" …", nl=False)
        typer.echo("")
        return "".join(chunks)


def _read() -> str | None:
    """Return a line from the user; None at the end of input."""
    with suppress(ImportError):
        # Importing it gives `input` line editing and history.
        import readline  # noqa: F401
    try:
        return input("> ").strip()
    except (EOFError, KeyboardInterrupt):
        return None
