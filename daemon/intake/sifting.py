"""Decides which rows of a file stay: no duplicates, exam rows, trained rows or private data."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from daemon.analysis.quality import QualityScorer, keep
from daemon.core.records import JsonObject
from daemon.core.rows.examples import Example, last_question
from daemon.core.rows.refusal import Bad
from daemon.core.workspace.jobs import escape
from daemon.dedup.growing import longest, numbers_of
from daemon.dedup.index import Earlier, Index
from daemon.dedup.judging import Judge
from daemon.dedup.matching import ExampleAt, ItemAt, Match, on_exam, on_suite, seen_before
from daemon.dedup.sealing import Sealer, answers_of, question_of
from daemon.dedup.seen import Seen
from daemon.dedup.suites import Suites
from daemon.dedup.superseding import SEVERAL, Superseded, several_answers
from daemon.dedup.within import compare
from daemon.folders.queue.fingerprints import KEY, Keys
from daemon.intake.gathering import BATCH, GatheredRows
from daemon.intake.looking import Rows
from daemon.intake.reasons import (
    Reason,
    conflict_reason,
    duplicate_reason,
    exam_reason,
    seen_reason,
)
from daemon.settings import Settings

SHOWN = 10
AT_ONCE = 1 << 16
"""Rows looked up at once."""

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]


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
    may_correct_exams: bool
    """Where a hold-out file lies beside it, that one is all that is held out."""
    job: str

    judge: Judge
    past: Superseded
    """Trained rows that a later file has corrected."""
    past_exams: Superseded
    """The same of held-out rows."""

    def exams(self) -> "list[ExamRows]":
        """Return every exam with the way to its rows."""
        found = [
            ExamRows(self.own, self.own_example),
            ExamRows(self.held_index, self.held.example, self.past_exams),
        ]
        if self.suites is not None:
            found.append(ExamRows(self.suites.index(), self.suites.item, suites=True))
        return [exam for exam in found if exam.index]


@dataclass(frozen=True)
class ExamRows:
    """One exam that no row may be trained on."""

    index: Index
    item_at: ItemAt
    past: Superseded | None = None
    """Rows that do not count any more; None if a row of the file corrects none."""
    suites: bool = False

    def find_exact(self, keys: Keys, job: str) -> dict[int, Earlier]:
        """Return for places in `keys` the exam row that is equal in everything."""
        found = self.index.exact(keys, job)
        return found if self.past is None else self.past.living(found)

    def find_similar(self, keys: Keys, rows: ExampleAt, judge: Judge, job: str) -> dict[int, Match]:
        """Return for places in `keys` the exam row that a row asks."""
        if self.suites:
            return on_suite(keys, rows, self.index, self.item_at, judge, near=True)
        return on_exam(keys, rows, self.index, self.item_at, judge, job, True, self.past)


@dataclass
class FirstSift:
    """What keys alone say, before any row is turned into tokens."""

    places: I64
    """Rows that stay, in order."""
    grown: dict[int, list[int]]
    """Longest conversations, with the shorter ones they stand for."""
    refused: dict[int, Reason]
    known: U64
    """The questions of rows that are known from elsewhere: the file has these answers too."""
    repeated: list[dict[str, int]]
    """Rows that stand in the file most often: their line, and how often each stands there."""


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
    repeated = _drop_equal(rows, keys, gone, refused, elsewhere.job)
    left = np.flatnonzero(~gone)
    exact_keys = np.zeros(len(left), KEY)
    exact_keys["hi"], exact_keys["lo"] = keys["hi"][left], keys["lo"][left]
    known: set[int] = set()
    for exam in elsewhere.exams():
        for number, earlier in exam.find_exact(exact_keys, elsewhere.job).items():
            refused.setdefault(int(left[number]), exam_reason("exact", earlier.job, earlier.line))
            known.add(earlier.question)
    seen = elsewhere.past.living(elsewhere.seen_index.exact(exact_keys, elsewhere.job))
    for number, earlier in seen.items():
        match = Match("duplicate", "exact", earlier.job, earlier.line)
        refused.setdefault(int(left[number]), seen_reason(match))
        known.add(earlier.question)
    gone[list(refused)] = True
    known_questions = np.array(sorted(known), np.uint64)
    return FirstSift(np.flatnonzero(~gone), dict(grown), refused, known_questions, repeated)


def _drop_equal(
    rows: Rows,
    keys: npt.NDArray[np.void],
    gone: Bools,
    refused: dict[int, Reason],
    job: str,
) -> list[dict[str, int]]:
    """Drop rows equal to an earlier one; return those that stand there most often."""
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
        refused[place] = duplicate_reason("exact", job, int(rows.numbers[firsts[number]]))
    times = Counter(rows.numbers[firsts[again]].tolist())
    often = sorted(times.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]
    return [{"line": line, "times": more + 1} for line, more in often]


@dataclass
class SecondSift:
    """What the texts say."""

    kept: Bools
    refused: dict[int, Reason]
    conflicts: int = 0
    examples: list[JsonObject] = field(default_factory=list)
    """Some contradictions, for people."""
    meant: tuple[int, int] = (0, 0)
    """Rows with one of many answers to a question that are meant, and such questions."""
    meant_rows: Bools = field(default_factory=lambda: np.zeros(0, np.bool_))
    """Which rows these are."""
    corrections: dict[int, Match] = field(default_factory=dict)
    """Rows that take the place of one that was trained, with that one."""
    corrected_exams: dict[int, Match] = field(default_factory=dict)
    """Rows that take the place of a held-out one, with that one: they are held out too."""
    unchecked: int = 0
    scores: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    quality: JsonObject = field(default_factory=dict)


def sift_second(
    gathered: GatheredRows, elsewhere: Elsewhere, settings: Settings, sealer: Sealer, known: U64
) -> SecondSift:
    """Compare questions by wording, within the file and elsewhere; then privacy and quality.

    `known` are the questions of rows of the file that the first sift has found elsewhere.
    """
    result = SecondSift(np.ones(len(gathered), np.bool_), {})
    beside = np.isin(gathered.keys["question"], known)
    # One of several answers of its file: it takes no other one's place, now or later.
    gathered.keys["answer"][beside] = SEVERAL
    if settings.dedup.near:
        _within(gathered, settings, elsewhere.judge, elsewhere.job, result)
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
    meant = gathered.keys["question"][np.flatnonzero(found.meant)]
    result.meant = (len(meant), len(np.unique(meant)))
    result.meant_rows = found.meant
    for place, match in found.dropped.items():
        line = gathered.lines[match.of]
        if match.kind == "duplicate":
            _refuse(result, place, duplicate_reason(match.how, job, line))
        else:
            other = answers_of(gathered.example(match.of))
            setting = f"dedup.conflicts = {policy!r}"
            _refuse(result, place, conflict_reason(job, line, other, setting))
    for later, earlier, _ in found.conflicts:
        other = answers_of(gathered.example(earlier))
        _note(result, gathered, later, job, gathered.lines[earlier], other)


def _elsewhere(
    gathered: GatheredRows,
    elsewhere: Elsewhere,
    settings: Settings,
    sealer: Sealer,
    result: SecondSift,
) -> None:
    exams, judge = elsewhere.exams(), elsewhere.judge
    alone = ~_several(gathered, result)
    correcting = alone & elsewhere.may_correct_exams
    for begin in range(0, len(gathered) if exams or elsewhere.seen_index else 0, AT_ONCE):
        places = np.arange(begin, min(begin + AT_ONCE, len(gathered)))
        for exam in exams:
            for whole in (False, True) if gathered.shared else (False,):
                left = places[result.kept[places]]
                keys = _whole(gathered, left, sealer) if whole else gathered.keys[left]
                found = exam.find_similar(keys, _those(gathered, left), judge, elsewhere.job)
                result.unchecked += len(exam.index.crowded)
                for number, match in found.items():
                    _match_exam(int(left[number]), match, correcting, settings, result)
        _short(gathered, places[result.kept[places]], elsewhere.suites, judge, result)
        _seen(gathered, places[result.kept[places]], elsewhere, settings, ~alone, result)


def _several(gathered: GatheredRows, result: SecondSift) -> Bools:
    """Return which rows have one of several answers to their question that the file keeps."""
    kept = np.flatnonzero(result.kept)
    found = np.zeros(len(gathered), np.bool_)
    keys = gathered.keys[kept]
    found[kept] = several_answers(keys["question"], keys["answer"])
    found[gathered.keys["answer"] == SEVERAL] = True
    return found


def _match_exam(
    place: int,
    match: Match,
    correcting: Bools,
    settings: Settings,
    result: SecondSift,
) -> None:
    """Hold a row out that corrects an exam's, and refuse any other one that an exam asks."""
    corrects = match.kind == "correction" and correcting[place]
    if corrects and settings.dedup.corrections == "newest":
        result.corrected_exams.setdefault(place, match)
    else:
        result.corrected_exams.pop(place, None)
        _refuse(result, place, exam_reason(match.how, match.job, match.line))


def _short(
    gathered: GatheredRows, places: I64, suites: Suites | None, judge: Judge, result: SecondSift
) -> None:
    if suites is None:
        return
    rows = _those(gathered, places)
    found = suites.match_short_questions(gathered.keys[places], rows, judge, gathered.shared)
    for number, match in found.items():
        _refuse(result, int(places[number]), exam_reason(match.how, match.job, match.line))


def _whole(gathered: GatheredRows, places: I64, sealer: Sealer) -> Keys:
    """Return keys with the signatures of whole questions, boilerplate included."""
    keys = gathered.keys[places]
    for begin in range(0, len(places), BATCH):
        batch = places[begin : begin + BATCH].tolist()
        questions = [question_of(gathered.example(place)) for place in batch]
        keys["bands_v2"][begin : begin + len(batch)] = sealer.keys(questions)["bands_v2"]
    return keys


def _seen(
    gathered: GatheredRows,
    places: I64,
    elsewhere: Elsewhere,
    settings: Settings,
    several: Bools,
    result: SecondSift,
) -> None:
    matches = seen_before(
        gathered.keys[places],
        _those(gathered, places),
        elsewhere.seen_index,
        elsewhere.seen,
        elsewhere.judge,
        elsewhere.job,
        True,
        several[places],
        elsewhere.past,
        result.meant_rows[places],
    )
    result.unchecked += len(elsewhere.seen_index.crowded)
    for number, match in matches.items():
        place = int(places[number])
        if place in result.corrected_exams:
            continue
        if match.kind == "duplicate":
            _refuse(result, place, seen_reason(match))
        elif match.kind == "correction" and settings.dedup.corrections == "newest":
            result.corrections[place] = match
        else:
            _contradicts(gathered, place, match, settings, result)


def _contradicts(
    gathered: GatheredRows, place: int, match: Match, settings: Settings, result: SecondSift
) -> None:
    """Note that a row contradicts a trained one; leave it out where a setting says so."""
    _note(result, gathered, place, match.job, match.line, match.other)
    setting = "conflicts" if match.kind == "conflict" else "corrections"
    if getattr(settings.dedup, setting) == "refuse":
        reason = conflict_reason(match.job, match.line, match.other, f"dedup.{setting} = 'refuse'")
        _refuse(result, place, reason)


def _those(gathered: GatheredRows, places: I64) -> ExampleAt:
    """Return the way to rows by their number among some places."""
    return lambda number: gathered.example(int(places[number]))


def _refuse(result: SecondSift, place: int, reason: Reason) -> None:
    if result.kept[place]:
        result.kept[place] = False
        result.refused[place] = reason


def _note(
    result: SecondSift, gathered: GatheredRows, place: int, job: str, line: int, other: str
) -> None:
    result.conflicts += 1
    if len(result.examples) < SHOWN:
        example = gathered.example(place)
        question = last_question(example)
        result.examples.append(
            {
                "line": gathered.lines[place],
                "of": {"job": job, "line": line},
                "prompt": escape(question, 120),
                "answer": escape(answers_of(example), 300),
                "other": escape(other, 300),
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
        hint = "raise quality.keep_share to keep it"
        _refuse(result, place, Reason(Bad("low_quality", message, hint), None))
