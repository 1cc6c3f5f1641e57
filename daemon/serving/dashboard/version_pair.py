"""Compares any two versions by the held-out questions that both have answered when judged."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import TypedDict

from daemon.core.evaluation.differences import word_changes
from daemon.core.evaluation.right_answers import right_by
from daemon.core.evaluation.suites import ScorerName
from daemon.core.records import JsonObject
from daemon.folders.models.models import read_manifest
from daemon.layout import Layout
from daemon.serving.dashboard.section_cache import UNREADABLE, Section
from daemon.serving.dashboard.texts import escape_lines

VERSION = re.compile(r"v\d{6,}\Z", re.ASCII)
CANDIDATE, BASE = "candidate", "base"
"""What a version's own details call the version itself, and the base of its lineage."""
MOST_BYTES = 64 * 2**20
MOST_SHOWN = 200
Z = 1.959964
"""The 97.5 % point of the normal distribution: intervals of 95 %."""


@dataclass(frozen=True)
class AnsweredQuestion:
    """One question with the answers of both versions."""

    set: str
    id: str
    prompt: str
    golden: str
    before: str
    after: str
    before_right: bool | None
    after_right: bool | None

    @property
    def kind(self) -> str:
        """How the answer changed: `worse`, `better`, `other` (neither) or `same`."""
        if self.before_right != self.after_right:
            return "better" if self.after_right else "worse"
        return "same" if self.before == self.after else "other"


class NotComparable(ValueError):
    """The two versions cannot be compared; the message says why."""


def version_pair(layout: Layout, before: str, after: str) -> Section:
    """Return both scores with the interval of their difference, and the answers that differ.

    Raises:
        NotComparable: no version of that name, or its details are missing or damaged.
    """
    first, second = (_answers(layout, name) for name in (before, after))
    questions = list(_shared(first, second, before, after))
    scored = [one for one in questions if one.before_right is not None]
    changed = [one for one in questions if one.kind != "same"]
    rank = {"worse": 0, "better": 1, "other": 2}
    shown = sorted(changed, key=lambda one: rank[one.kind])[:MOST_SHOWN]
    better = sum(one.kind == "better" for one in questions)
    worse = sum(one.kind == "worse" for one in questions)
    return {
        "before": before,
        "after": after,
        "questions": len(questions),
        "scored": len(scored),
        "right_before": sum(bool(one.before_right) for one in scored),
        "right_after": sum(bool(one.after_right) for one in scored),
        "better": better,
        "worse": worse,
        "interval": interval_of_change(better, worse, len(scored)),
        "changed": len(changed),
        "answers": [_record(one) for one in shown],
    }


def interval_of_change(better: int, worse: int, questions: int) -> tuple[float, float] | None:
    """Return the 95 % interval of the change in the share of right answers; None without questions.

    For paired shares, with half a question added to each kind of change (Agresti and Min 2005).
    """
    if not questions:
        return None
    gained, lost, count = better + 0.5, worse + 0.5, questions + 2
    change = (gained - lost) / count
    spread = Z * sqrt(gained + lost - (gained - lost) ** 2 / count) / count
    return max(-1.0, change - spread), min(1.0, change + spread)


class JudgedAnswer(TypedDict):
    """An answer as details record it."""

    text: str
    scores: Mapping[str, float]


class DetailsLine(TypedDict):
    """What is read of a line of `details.jsonl`."""

    set: str
    id: str
    prompt: Sequence[Mapping[str, str | None]]
    golden: Sequence[str]
    scorer: ScorerName
    answers: Mapping[str, JudgedAnswer]
    """By the name of the model."""


Answers = dict[tuple[str, str], DetailsLine]


def _answers(layout: Layout, version: str) -> Answers:
    """Return the records of a version's details by prompt and golden answers."""
    if not VERSION.match(version):
        raise NotComparable(f"{version[:40]!r} is not the name of a version")
    folder = layout.version(version)
    try:
        lineage = read_manifest(folder).lineage
        path = folder / "details.jsonl"
        if not path.exists():
            return {}
        if path.stat().st_size > MOST_BYTES:
            raise NotComparable(f"details.jsonl of {version} is too large to be shown here")
        with path.open(encoding="utf-8") as lines:
            records: list[DetailsLine] = [json.loads(line) for line in lines]
        return {_key(one): {**one, "answers": _named(one, version, lineage)} for one in records}
    except FileNotFoundError as error:
        raise NotComparable(f"there is no version {version}") from error
    except UNREADABLE as error:
        if isinstance(error, NotComparable):
            raise
        raise NotComparable(f"the records of {version} cannot be read: {error}") from error


def _key(record: DetailsLine) -> tuple[str, str]:
    return json.dumps(record["prompt"], sort_keys=True), json.dumps(record["golden"])


def _named(record: DetailsLine, version: str, lineage: str) -> dict[str, JudgedAnswer]:
    names = {CANDIDATE: version, BASE: lineage}
    return {names.get(name, name): answer for name, answer in record["answers"].items()}


def _shared(first: Answers, second: Answers, before: str, after: str) -> Iterator[AnsweredQuestion]:
    """Yield the questions for which both versions have an answer in either one's details."""
    for key in dict.fromkeys([*second, *first]):
        places = [found[key] for found in (second, first) if key in found]
        answers = {
            name: one for place in reversed(places) for name, one in place["answers"].items()
        }
        if before in answers and after in answers:
            yield _question(places[0], answers[before], answers[after])


def _question(record: DetailsLine, before: JudgedAnswer, after: JudgedAnswer) -> AnsweredQuestion:
    scorer = record["scorer"]
    return AnsweredQuestion(
        set=str(record["set"]),
        id=str(record["id"]),
        prompt=str(record["prompt"][-1]["content"] or ""),
        golden=str(next(iter(record["golden"]), "")),
        before=str(before["text"]),
        after=str(after["text"]),
        before_right=right_by(scorer, before["scores"]),
        after_right=right_by(scorer, after["scores"]),
    )


def _record(one: AnsweredQuestion) -> JsonObject:
    texts = {
        name: escape_lines(value)
        for name, value in asdict(one).items()
        if name in ("prompt", "golden", "before", "after", "id", "set")
    }
    return {
        **texts,
        "kind": one.kind,
        "before_right": one.before_right,
        "after_right": one.after_right,
        "changes": word_changes(texts["before"], texts["after"]),
    }
