"""Asks a daemon for one thing after another at random moments, some while it is dead or dies.

What comes of it depends on the moment; that every request is answered, and that nothing is lost
or trained twice in one version, does not.
"""

import os
import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from daemon.core.decisions.commands import PRECEDENCE
from tests.end_to_end.workspace import Workspace
from tests.reliability.kills import Calm
from tests.reliability.scenario import SETTINGS, drop_all, unsound

LONGEST = 0.5
"""A wish waits at most so much of the undisturbed history, and mostly less."""

CHANGES_MIND = 0.4
"""How often the next wish comes at once, before the daemon can have seen the one before."""

HALF_S = 0.03
"""Between the two halves of a request that is written slowly."""

WISHES = (*PRECEDENCE, "resume", "skpi", "kill", "wait")
"""`kill` is no file but SIGKILL; `wait` gives the daemon time to end a file."""


def be_asked(root: Path, seed: int, wishes: int, calm: Calm) -> list[str]:
    """Return what is broken after so many wishes in one history."""
    with Workspace(root / "w", settings=SETTINGS) as space:
        drop_all(space)
        space.start()
        user = _User(space, random.Random(seed), calm)
        for _ in range(wishes):
            user.wish()
        user.let_it_end()
        found = [*user.unanswered(), *unsound(space)]
        return [*found, f"asked for: {user.wished}", space.story()] if found else []


@dataclass
class _User:
    space: Workspace
    draw: random.Random
    calm: Calm
    wished: list[str] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    kills: int = 0

    def wish(self) -> None:
        """Wait for a moment, or not, and want something."""
        if self.draw.random() > CHANGES_MIND:
            longest_s = LONGEST * self.calm.work_s
            threading.Event().wait(self.draw.triangular(0.0, longest_s, 0.0))
        word = self.draw.choice(WISHES)
        if word == "kill":
            self.space.kill()
            self.kills += 1
        elif word == "wait":
            threading.Event().wait(LONGEST * self.calm.work_s)
        else:
            self._ask(word, self._content(word))
        self.wished.append(word)
        # Half of the time what is asked next is asked of nobody.
        if not self.space.lives and self.draw.random() < 0.5:
            self.space.start()

    def _content(self, word: str) -> str:
        jobs = [job for state in ("done", "failed", "skipped") for job in self.space.jobs(state)]
        versions = [path.name for path in self.space.layout.versions.glob("v*")]
        match word:
            case "promote":
                return self.draw.choice([*versions, "v000099"])
            case "rollback":
                return self.draw.choice([*versions, ""])
            case "retry":
                return self.draw.choice([*jobs, "000099-none"])
            case "skip":
                return self.draw.choice([*self.space.jobs("running"), "", "", "000099-none"])
            case "lineage":
                return "new"
            case _:
                return ""

    def _ask(self, word: str, content: str) -> None:
        """Make the file, in one piece or slowly; one that lies there still is the same request."""
        path = self.space.layout.control / word
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            return
        self.asked[word] += 1
        data = f"{content}\n".encode() if content else b""
        half = self.draw.randrange(len(data) + 1) if self.draw.random() < 0.5 else len(data)
        os.write(file, data[:half])
        if half < len(data):
            threading.Event().wait(HALF_S)
            os.write(file, data[half:])
        os.close(file)

    def let_it_end(self) -> None:
        """Want nothing any more but that all is done, and that the daemon ends."""
        if not self.space.lives:
            self.space.start()
        self.space.wait("answers", self._all_answered)
        self._ask("resume", "")
        if not self.space.lives:
            self.space.start()
        self.space.wait("an idle daemon", self._is_idle)
        self.space.terminate()

    def _all_answered(self) -> bool:
        if not self.space.lives:
            # A wish was to stop it.
            self.space.start()
        control = self.space.layout.control
        waiting = [path.name for path in control.iterdir() if path.name[0] != "."]
        accepted = list(self.space.layout.accepted_commands.glob("*"))
        return set(waiting) <= {"pause", "README.md"} and not accepted

    def _is_idle(self) -> bool:
        if not self.space.lives:
            self.space.start()
        states = ("incoming", "urgent", "normal", "low", "queued", "running")
        return (
            self.space.status().get("status") == "idle"
            and not any(self.space.jobs(state) for state in states)
            and not list(self.space.layout.inbox.glob("*.jsonl"))
            and not list(self.space.layout.control.glob("[!R.]*"))
        )

    def unanswered(self) -> list[str]:
        """Return requests that were not answered once; after a kill twice is as good (rule R37)."""
        answers = Counter(event["command"] for event in self.space.told("command"))
        wrong = []
        for word, asked in (self.asked - Counter(pause=self.asked["pause"])).items():
            if not asked <= answers[word] <= asked + self.kills:
                wrong.append(f"I7: {word} asked {asked} times, answered {answers[word]} times")
        return wrong
