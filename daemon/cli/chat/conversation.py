"""The conversation of `finetuned chat`: lines, commands, one model or two side by side."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import typer

from daemon.cli.chat.speakers import Speaking
from daemon.cli.chat.speaking import LoadTarget
from daemon.cli.output.screen import complain, safe, say
from daemon.core.evaluation.sampling import Sampling
from daemon.core.rows.examples import Turn
from daemon.errors import Fault

COMMANDS = {
    "/new": "begin afresh",
    "/version V": "let version V answer from now on; also base and current",
    "/compare A B": "let A and B both answer every question; /version V ends it",
    "/help": "show this",
    "/quit": "leave",
}
HELP = "\n".join(f"{command:14}{words}" for command, words in COMMANDS.items())
Choose = Callable[[str], LoadTarget]
"""Finds the version that a user names; raises a fault where there is none."""


@dataclass
class ChatSide:
    """One of those who answer, with all that was said to it."""

    target: LoadTarget
    turns: list[Turn]


class Conversation:
    """Takes lines until the user leaves."""

    def __init__(
        self, speaking: Speaking, choose: Choose, opening: Sequence[Turn], sampling: Sampling
    ) -> None:
        """`opening` stands before the first question."""
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
                say("a new conversation", "dim")
            case "/version", [name]:
                self._change([name])
            case "/compare", [first, second]:
                self._change([first, second])
            case "/help", []:
                say(HELP, "dim")
            case _:
                complain(f"{' '.join([command, *names])} is no command; there are:")
                say(HELP, "dim")

    def _change(self, names: list[str]) -> None:
        """Let others answer; what was said so far, to the first of two, is known to them."""
        turns = self._sides[0].turns
        try:
            sides = [ChatSide(self._choose(name), list(turns)) for name in names]
            self._speaking.turn_to(sides[0].target)
        except Fault as fault:
            complain(fault.message)
            return
        self._sides = sides
        named = " and ".join(side.target.name for side in sides)
        both = "both answer" if len(sides) > 1 else "answers"
        say(f"{named}: {both} from now on", "dim")

    def _answer(self, line: str) -> None:
        for side in self._sides:
            if len(self._sides) > 1:
                say(f"{side.target.name}:", "bold")
            try:
                self._speaking.turn_to(side.target)
                asked = Turn("user", line)
                said = self._speak([*side.turns, asked])
            except Fault as fault:
                complain(fault.message)
                continue
            side.turns += [asked, Turn("assistant", said)]

    def _speak(self, turns: list[Turn]) -> str:
        pieces = []
        try:
            for piece in self._speaking.stream(turns, self._sampling):
                pieces.append(piece)
                typer.echo(safe(piece), nl=False)
        except KeyboardInterrupt:
            typer.echo(" …", nl=False)
        typer.echo("")
        return "".join(pieces)


def _read() -> str | None:
    """Return a line from the user; None at the end of the input."""
    with suppress(ImportError):
        # Importing it gives the prompt its editing keys and its history.
        import readline  # noqa: F401
    try:
        return input("> ").strip()
    except (EOFError, KeyboardInterrupt):
        return None
