"""Keys of the questions of all suites: what no row may be trained on, whatever job it comes in."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from daemon.core.evaluation.suites import SuiteItem
from daemon.core.rows.examples import Chat, Example, Turn
from daemon.core.rows.fingerprint import key_of
from daemon.dedup.boilerplate import Boilerplate
from daemon.dedup.family_keys import FamilyColumns
from daemon.dedup.family_segments import FamilySegment
from daemon.dedup.index import Earlier, Index
from daemon.dedup.judging import Judge
from daemon.dedup.matching import ExampleAt, ExamRow, Match, on_short_exam
from daemon.dedup.sealing import Sealer, exam_keys, question_of
from daemon.dedup.segments import Segment
from daemon.dedup.short import MOST_CHARACTERS, ShortQuestions
from daemon.dedup.wording import split, users_words
from daemon.folders import suites
from daemon.folders.queue.family_files import FamilySide
from daemon.folders.queue.fingerprints import Keys

SHARED = 0.5
"""Text that more than this share of a suite's questions has is boilerplate."""
SHOWN = 10
"""Mistakes in suites that are told one by one."""


class Suites:
    """The items of all suites; read again when a file of them changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._signature: tuple[tuple[str, int, int], ...] | None = None
        self._items: dict[str, dict[int, Example]] = {}
        self._index = Index([])
        self._short = ShortQuestions()
        self._exams: list[ExamRow] = []
        self._families: list[FamilySegment] = []
        self.unreadable: tuple[str, ...] = ()
        """What is wrong with files, in sentences; a line that is no item cannot be guarded."""

    def index(self) -> Index:
        """Return the questions of all suites."""
        self._look()
        return self._index

    def families(self) -> list[FamilySegment]:
        """Return the questions of all suites as what a row may be a variant of."""
        self._look()
        return self._families

    def _look(self) -> None:
        files = suites.paths(self._folder)
        signature = tuple(_state(path) for path in files)
        if signature != self._signature:
            self._read(files)
            self._signature = signature

    def item(self, earlier: Earlier) -> Example | None:
        """Return an item of a suite."""
        return self._items.get(earlier.job, {}).get(earlier.line)

    def match_short_questions(
        self, keys: Keys, example_at: ExampleAt, judge: Judge, shared: Boilerplate
    ) -> dict[int, Match]:
        """Return for places in `keys` the short item that a row asks, however it is put.

        `shared` is the text that most questions of the row's file have.
        """
        self._look()
        found: dict[int, Match] = {}
        for place in np.flatnonzero(keys["length"] <= MOST_CHARACTERS).tolist():
            example = example_at(place)
            text = users_words(example)
            own = [" ".join(shared.without(split(text)))] if shared else []
            for question in (text, *own):
                match = on_short_exam(
                    example, question, self._short, self._exams.__getitem__, judge
                )
                if match is not None:
                    found[place] = match
                    break
        return found

    def _read(self, files: list[Path]) -> None:
        sealer = Sealer()
        self._items, self._short, self._exams, self._families = {}, ShortQuestions(), [], []
        bad: list[str] = []
        keys: list[Keys] = []
        for path in files:
            found = suites.read(path)
            bad += found.sentences
            items = {item.line: _example(item) for item in found.items}
            self._items[f"evals/{path.name}"] = items
            questions = [question_of(item) for item in items.values()]
            for line, item in items.items():
                self._short.add(len(self._exams), users_words(item))
                self._exams.append(ExamRow(item, f"evals/{path.name}", line))
            self._families.append(_families(f"evals/{path.name}", items, sealer))
            shared = Boilerplate.find([question.words for question in questions], SHARED)
            sealed = exam_keys(sealer, [replace(one, context=0) for one in questions], shared)
            sealed["line"] = np.tile(
                np.array(list(items), np.uint32), len(sealed) // max(1, len(items))
            )
            keys.append(sealed)
        more = (f"{len(bad) - SHOWN} more mistakes in evals/",) if len(bad) > SHOWN else ()
        self.unreadable = (*bad[:SHOWN], *more)
        self._index = Index([Segment.build(list(self._items), keys)])


def _families(suite: str, items: dict[int, Example], sealer: Sealer) -> FamilySegment:
    """Return items as originals that only a row's `variant_of` names.

    Whether a row asks an item itself is told by its wording, the whole of it.
    """
    columns = FamilyColumns()
    for item in items.values():
        columns.add(replace(item, group=suite), key_of(item), sealer.words)
    families = columns.families()
    families["line"], families["side"] = list(items), FamilySide.EXAM
    return FamilySegment.build([f"{suite}@"], [families])


def _state(path: Path) -> tuple[str, int, int]:
    """Return what changes with a file; a file that cannot be read has a state too."""
    try:
        stat = path.stat()
    except OSError:
        return str(path), -1, -1
    return str(path), stat.st_size, stat.st_mtime_ns


def _example(item: SuiteItem) -> Example:
    """Return an item as an example; one without an answer has only its question."""
    answers = (Turn("assistant", item.answers[0]),) if item.answers else ()
    return Chat((*item.messages, *answers), tools=item.tools)
