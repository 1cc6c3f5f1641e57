"""Decides which rows of a file stay: not twice, not taught before, not on an exam, not private."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from daemon.analysis.quality import QualityScorer, keep
from daemon.core.rows.examples import Example, last_question
from daemon.core.rows.refusal import Bad
from daemon.core.workspace.jobs import escape
from daemon.dedup.growing import longest, numbers_of
from daemon.dedup.index import Earlier, Index
from daemon.dedup.matching import ExampleAt, Judge, Match, on_exam, seen_before
from daemon.dedup.sealing import Sealer, answers_of, question_of
from daemon.dedup.seen import Seen
from daemon.dedup.suites import Suites
from daemon.dedup.within import compare
from daemon.folders.queue.fingerprints import KEY, Keys
from daemon.intake.gathering import BATCH, GatheredRows
from daemon.intake.looking import Rows
from daemon.settings import Settings

SHOWN = 10
AT_ONCE = 1 << 16
"""Rows looked up at once."""

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a row is not trained."""

    bad: Bad
    of: dict[str, Any] | None
    how: str = ""


@dataclass
class Elsewhere:
    """Everything a file is compared with."""

    seen: Seen
    seen_index: Index
    held: Seen
    held_index: Index
    suites: Suites | None
    own: Index
    """The hold-out file that was dropped beside it."""
    own_example: Callable[[Earlier], Example | None]
    job: str

    def exams(self) -> list[tuple[Index, Callable[[Earlier], Example | None]]]:
        """Return every exam with the way to its rows."""
        found = [(self.own, self.own_example), (self.held_index, self.held.example)]
        if self.suites is not None:
            found.append((self.suites.index(), self.suites.item))
        return found


@dataclass
class FirstSift:
    """What keys alone say, before any row is turned into tokens."""

    places: I64
    """Rows that stay, in order."""
    grown: dict[int, list[int]]
    """Longest conversations, with the shorter ones they stand for."""
    refused: dict[int, Reason]


def sift_first(rows: Rows, elsewhere: Elsewhere, collapse: bool) -> FirstSift:
    """Collapse growing conversations, then drop rows that are equal to others in everything."""
    keys = numbers_of(rows.keys)
    grown: defaultdict[int, list[int]] = defaultdict(list)
    gone = np.zeros(len(rows), np.bool_)
    if collapse:
        into = longest(numbers_of(rows.wholes), rows.begins)
        for place in np.flatnonzero(into >= 0).tolist():
            grown[int(into[place])].append(place)
            gone[place] = True
    refused: dict[int, Reason] = {}
    _drop_equal(rows, keys, gone, refused, elsewhere.job)
    left = np.flatnonzero(~gone)
    asked = np.zeros(len(left), KEY)
    asked["hi"], asked["lo"] = keys["hi"][left], keys["lo"][left]
    for index, _ in elsewhere.exams():
        for number, earlier in index.exact(asked, elsewhere.job).items():
            refused.setdefault(int(left[number]), exam_reason("exact", earlier.job, earlier.line))
    for number, earlier in elsewhere.seen_index.exact(asked, elsewhere.job).items():
        match = Match("duplicate", "exact", earlier.job, earlier.line)
        refused.setdefault(int(left[number]), seen_reason(match))
    gone[list(refused)] = True
    return FirstSift(np.flatnonzero(~gone), dict(grown), refused)


def _drop_equal(
    rows: Rows,
    keys: npt.NDArray[np.void],
    gone: npt.NDArray[np.bool_],
    refused: dict[int, Reason],
    job: str,
) -> None:
    left = np.flatnonzero(~gone)
    order = left[np.lexsort((left, keys["lo"][left], keys["hi"][left]))]
    again = np.flatnonzero(keys[order][1:] == keys[order][:-1]) + 1
    # The first of each run of equal rows: the nearest place before that is no repetition.
    starts = np.arange(len(order))
    starts[again] = 0
    firsts = order[np.maximum.accumulate(starts)]
    for number in again.tolist():
        place = int(order[number])
        gone[place] = True
        refused[place] = twin_reason("exact", job, int(rows.numbers[firsts[number]]))


def twin_reason(how: str, job: str, line: int) -> Reason:
    words = {"exact": "equal to", "wording": "asks the same as", "spelling": "asks the same as"}
    bad = Bad("duplicate_in_file", f"{words[how]} line {line}", "nothing to do")
    return Reason(bad, {"job": job, "line": line}, how)


def seen_reason(match: Match) -> Reason:
    where = f"{match.job}, line {match.line}"
    words = f"trained in {where}" if match.how == "exact" else f"asks the same as {where}"
    bad = Bad("duplicate_seen", words, "nothing to do")
    return Reason(bad, {"job": match.job, "line": match.line}, match.how)


def exam_reason(how: str, job: str, line: int) -> Reason:
    suite = job.startswith("evals/")
    words = "an item of" if suite else "held out of"
    nearly = "" if how == "exact" else "nearly "
    hint = "nothing to do: what is measured with is never trained"
    bad = Bad("exam_row", f"{nearly}{words} {job}, line {line}", hint)
    return Reason(bad, {"job": job, "line": line}, how)


@dataclass
class SecondSift:
    """What the texts say."""

    kept: npt.NDArray[np.bool_]
    refused: dict[int, Reason]
    conflicts: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)
    """Some contradictions, for people."""
    unchecked: int = 0
    scores: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    quality: dict[str, Any] = field(default_factory=dict)


def sift_second(
    gathered: GatheredRows, elsewhere: Elsewhere, settings: Settings, sealer: Sealer
) -> SecondSift:
    """Compare questions by wording, within the file and elsewhere; then privacy and quality."""
    result = SecondSift(np.ones(len(gathered), np.bool_), {})
    if settings.dedup.near:
        _within(gathered, settings, Judge(sealer), elsewhere.job, result)
        _elsewhere(gathered, elsewhere, settings, sealer, result)
    _private(gathered, settings, result)
    _quality(gathered, settings, result)
    return result


def _within(
    gathered: GatheredRows, settings: Settings, judge: Judge, job: str, result: SecondSift
) -> None:
    policy = settings.dedup.conflicts
    found = compare(gathered.keys, gathered.example, judge, policy)
    result.unchecked += found.unchecked
    for place, twin in found.dropped.items():
        line = gathered.lines[twin.of]
        if twin.kind == "duplicate":
            _refuse(result, place, twin_reason(twin.how, job, line))
        else:
            other = gathered.example(twin.of)
            _refuse(result, place, conflict_reason(job, line, answers_of(other), policy))
    for later, earlier, _ in found.conflicts:
        _note(
            result,
            gathered,
            later,
            job,
            gathered.lines[earlier],
            answers_of(gathered.example(earlier)),
        )


def _elsewhere(
    gathered: GatheredRows,
    elsewhere: Elsewhere,
    settings: Settings,
    sealer: Sealer,
    result: SecondSift,
) -> None:
    judge = Judge(sealer)
    exams = [(index, exam_at) for index, exam_at in elsewhere.exams() if index]
    for begin in range(0, len(gathered) if exams or elsewhere.seen_index else 0, AT_ONCE):
        places = np.arange(begin, min(begin + AT_ONCE, len(gathered)))
        for index, exam_at in exams:
            for whole in (False, True) if gathered.shared else (False,):
                left = places[result.kept[places]]
                keys = _whole(gathered, left, sealer) if whole else gathered.keys[left]
                rows = _those(gathered, left)
                found = on_exam(keys, rows, index, exam_at, judge, elsewhere.job, near=True)
                result.unchecked += len(index.crowded)
                for number, match in found.items():
                    reason = exam_reason(match.how, match.job, match.line)
                    _refuse(result, int(left[number]), reason)
        _short(gathered, places[result.kept[places]], elsewhere.suites, judge, result)
        _seen(gathered, places[result.kept[places]], elsewhere, settings, judge, result)


def _short(
    gathered: GatheredRows, places: I64, suites: Suites | None, judge: Judge, result: SecondSift
) -> None:
    if suites is None:
        return
    rows = _those(gathered, places)
    found = suites.asked_shortly(gathered.keys[places], rows, judge, gathered.shared)
    for number, match in found.items():
        _refuse(result, int(places[number]), exam_reason(match.how, match.job, match.line))


def _whole(gathered: GatheredRows, places: I64, sealer: Sealer) -> Keys:
    """Return keys with the signatures of whole questions, boilerplate included."""
    keys = gathered.keys[places]
    for begin in range(0, len(places), BATCH):
        batch = places[begin : begin + BATCH].tolist()
        questions = [question_of(gathered.example(place)) for place in batch]
        keys["bands_v1"][begin : begin + len(batch)] = sealer.keys(questions)["bands_v1"]
    return keys


def _seen(
    gathered: GatheredRows,
    places: I64,
    elsewhere: Elsewhere,
    settings: Settings,
    judge: Judge,
    result: SecondSift,
) -> None:
    matches = seen_before(
        gathered.keys[places],
        _those(gathered, places),
        elsewhere.seen_index,
        elsewhere.seen,
        judge,
        elsewhere.job,
        near=True,
    )
    result.unchecked += len(elsewhere.seen_index.crowded)
    for number, match in matches.items():
        place = int(places[number])
        if match.kind == "duplicate":
            _refuse(result, place, seen_reason(match))
            continue
        _note(result, gathered, place, match.job, match.line, match.other)
        if settings.dedup.conflicts == "refuse":
            _refuse(result, place, conflict_reason(match.job, match.line, match.other, "refuse"))


def _those(gathered: GatheredRows, places: I64) -> ExampleAt:
    """Return the way to rows by their number among some places."""
    return lambda number: gathered.example(int(places[number]))


def _refuse(result: SecondSift, place: int, reason: Reason) -> None:
    if result.kept[place]:
        result.kept[place] = False
        result.refused[place] = reason


def conflict_reason(job: str, line: int, other: str, policy: str) -> Reason:
    message = f"asks what {job}, line {line} asks, and answers otherwise ({escape(other, 60)})"
    hint = f"decide which answer is right (dedup.conflicts = {policy!r})"
    return Reason(Bad("conflict", message, hint), {"job": job, "line": line}, "wording")


def _note(
    result: SecondSift, gathered: GatheredRows, place: int, job: str, line: int, other: str
) -> None:
    result.conflicts += 1
    if len(result.examples) < SHOWN:
        example = gathered.example(place)
        asked = last_question(example)
        result.examples.append(
            {
                "line": gathered.lines[place],
                "of": {"job": job, "line": line},
                "prompt": escape(asked, 120),
                "answer": escape(answers_of(example), 120),
                "other": escape(other, 120),
            }
        )


def _private(gathered: GatheredRows, settings: Settings, result: SecondSift) -> None:
    refused = set(settings.privacy.refuse)
    for place, kinds in gathered.private.items():
        if named := sorted(refused & set(kinds)):
            message = f"it holds {', '.join(named)}"
            bad = Bad("private", message, "take it out of the row (privacy.refuse)")
            _refuse(result, place, Reason(bad, None))


def _quality(gathered: GatheredRows, settings: Settings, result: SecondSift) -> None:
    scorer = QualityScorer(gathered.measures)
    result.scores, result.quality = scorer.scores, scorer.summary(gathered.lines)
    kept = np.flatnonzero(result.kept)
    best = keep(result.scores[kept], settings.quality.keep_share)
    for place in kept[~best].tolist():
        message = f"its quality is {result.scores[place]:.2f}"
        hint = "nothing to do, or raise quality.keep_share"
        _refuse(result, place, Reason(Bad("low_quality", message, hint), None))
