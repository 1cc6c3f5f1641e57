"""Builds the batches of a run's steps, and its hold-out rows and questions, as tokens."""

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from daemon.core.evaluation.suites import SuiteItem
from daemon.core.rows.examples import Chat, Example, answer_of, prompt_of
from daemon.core.training.manifests import ShortenedRow
from daemon.core.training.packing import RowShapes, lay_out
from daemon.core.training.plan import Plan, mix
from daemon.dedup.families import label_of
from daemon.dedup.wording import Words
from daemon.errors import RunFault
from daemon.evaluation.questions import PROMPT_CHARACTERS, Question, golden_answers
from daemon.evaluation.scores.call_forms import ends_in_calls
from daemon.text.encoder import Encoded, TextEncoder
from daemon.training.data.row_texts import ANY_LENGTH, RowTexts
from daemon.training.data.rows import JobRows
from daemon.training.data.shortening import shortened
from daemon.training.engine.protocol import EncodedPass
from daemon.training.records.choices import Choices, Request, RowId


@dataclass(frozen=True, slots=True)
class TextAt:
    """One text of a step and where it comes from."""

    id: RowId
    replayed: bool
    encoded: Encoded
    first: bool = True
    """Not a further piece of a row that was split to fit into memory."""


@dataclass(frozen=True)
class StepContent:
    """What one optimizer step computes."""

    epoch: int
    passes: tuple[EncodedPass, ...]
    texts: tuple[TextAt, ...]
    """The trained texts: skipped ones are blank in the passes."""
    blank: int
    """How many texts were skipped."""
    prompt: str

    @property
    def jobs(self) -> tuple[str, ...]:
        """The jobs of the texts, each once."""
        return tuple(sorted({text.id[0] for text in self.texts}))


class TrainingRows:
    """The training rows of a run, step by step."""

    def __init__(
        self,
        request: Request,
        choices: Choices,
        rows: JobRows,
        row_texts: RowTexts,
        shapes: RowShapes,
        most_tokens: int | None = None,
    ) -> None:
        """Rows of more than `most_tokens` tokens have no room in the machine's memory.

        They are shortened as `training.over_long` says; those that are not are blank.
        """
        self._own = [(request.jobs[job], row) for job, row in choices.examples]
        self._draws = choices.replay
        self._rows = rows
        self._row_texts = row_texts
        self._shapes = shapes
        self._own_lengths = [self._length(item) for item in self._own]
        self._draw_lengths = [self._length(item) for item in self._draws]
        self._most = most = most_tokens if most_tokens is not None else ANY_LENGTH
        self._policy = request.settings.training.over_long
        long = frozenset(
            item
            for ids, lengths in ((self._own, self._own_lengths), (self._draws, self._draw_lengths))
            for item, length in zip(ids, lengths, strict=True)
            if length > most
        )
        training = request.settings.training
        self.shortened = shortened(rows, row_texts, sorted(long), most, self._policy)
        """The pieces of rows that are shortened to fit into memory."""
        self.too_long = long - self.shortened.keys()
        self._epochs = training.epochs
        self.plan = Plan(
            self._own_lengths,
            training.batch_rows,
            training.epochs,
            mix(request.seed, "order", request.step),
            len(self._draws),
            not shapes.packed,
        )

    def _length(self, item: RowId) -> int:
        index = self._rows.train(item[0])
        place = index.place(item[1])
        if place is None:
            raise RunFault("row_missing", f"row {item[1]} is not in {index.path} any more")
        return int(index.tokens[place])

    def rows_shortened(self, from_step: int) -> tuple[ShortenedRow, ...]:
        """Return the rows that are shortened, with their places; `from_step` is for the record."""
        found = []
        for (job, row), pieces in self.shortened.items():
            index = self._rows.train(job)
            place = index.place(row)
            assert place is not None, "it was read from this index"
            found.append(
                ShortenedRow(
                    job=job,
                    row=row,
                    line=int(index.lines[place]),
                    tokens=int(index.tokens[place]),
                    most_tokens=self._most,
                    how="truncate" if self._policy == "truncate" else "split",
                    pieces=len(pieces),
                    from_step=from_step,
                )
            )
        return tuple(found)

    def step(self, index: int, skipped: frozenset[RowId] = frozenset()) -> StepContent:
        """Return what a step computes; `index` counts from 0. Rows in `skipped` are blank.

        Replayed texts get passes of their own, because the other passes repeat in every epoch.
        """
        skipped = skipped | self.too_long
        batch = self.plan.batch(index)
        own, own_passes = self._pack(
            self._own, batch.own, self._own_lengths, skipped, batch.epoch < self._epochs
        )
        drawn, drawn_passes = self._pack(
            self._draws, batch.replayed, self._draw_lengths, skipped, again=False
        )
        texts = [
            *(TextAt(self._own[number], False, text, first) for number, text, first in own),
            *(TextAt(self._draws[number], True, text, first) for number, text, first in drawn),
        ]
        counted = tuple(text for text in texts if text.id not in skipped)
        first = self._example(self._own[batch.own[0]])
        return StepContent(
            batch.epoch,
            (*own_passes, *drawn_passes),
            counted,
            len(texts) - len(counted),
            prompt_text(first),
        )

    def _pack(
        self,
        ids: Sequence[RowId],
        numbers: Sequence[int],
        lengths: Sequence[int],
        skipped: frozenset[RowId],
        again: bool,
    ) -> tuple[list[tuple[int, Encoded, bool]], list[EncodedPass]]:
        """Return texts, each with its row's number and whether it is its first, and the passes."""
        examples = [(ids[number][0], self._example(ids[number])) for number in numbers]
        whole = dict(zip(numbers, self._row_texts.encode(examples), strict=True))
        # Pieces of shortened rows have numbers behind those of all rows.
        texts, more, of_row = dict(whole), dict[int, int](), {number: number for number in numbers}
        for number in numbers:
            pieces = self.shortened.get(ids[number], ())
            for place, piece in enumerate(pieces):
                own = number if place == 0 else len(ids) + len(more)
                texts[own], more[own], of_row[own] = piece, len(piece.tokens), number
        shown = {
            own: blank(text) if ids[of_row[own]] in skipped else text for own, text in texts.items()
        }
        of_texts = {own: more.get(own) or lengths[own] for own in texts}
        return [(of_row[own], text, own == of_row[own]) for own, text in texts.items()], [
            EncodedPass(
                item.width, tuple(tuple(shown[text] for text in row) for row in item.rows), again
            )
            for item in lay_out(texts, of_texts, self._shapes)
        ]

    def _example(self, item: RowId) -> Example:
        return self._rows.example(*item, "train")


def blank(text: Encoded) -> Encoded:
    """Return a text of the same length without supervised tokens."""
    return Encoded(np.zeros_like(text.tokens), np.zeros_like(text.supervised))


class Ahead:
    """Prepares the next step's tokens while this one is computed."""

    def __init__(self, rows: TrainingRows) -> None:
        self._rows = rows
        self._worker = ThreadPoolExecutor(1, "rows")
        self._next: tuple[int, frozenset[RowId], Future[StepContent]] | None = None

    def step(self, index: int, skipped: frozenset[RowId]) -> StepContent:
        """Return what a step computes, and start preparing the one after it."""
        if self._next is not None and self._next[:2] == (index, skipped):
            content = self._next[2].result()
        else:
            content = self._rows.step(index, skipped)
        if index + 1 < self._rows.plan.steps:
            following = self._worker.submit(self._rows.step, index + 1, skipped)
            self._next = (index + 1, skipped, following)
        return content


def holdout_rows(rows: JobRows, texts: RowTexts, ids: Sequence[RowId]) -> list[Encoded]:
    """Return hold-out rows as tokens."""
    return texts.encode([(job, rows.example(job, row, "holdout")) for job, row in ids])


def families_of(rows: JobRows, ids: Sequence[RowId]) -> list[str]:
    """Return the families of hold-out rows."""
    words = Words()
    return [label_of(rows.example(job, row, "holdout"), words) for job, row in ids]


def questions(
    rows: JobRows, texts: RowTexts, ids: Iterable[RowId], of_set: str, max_tokens: int
) -> list[Question]:
    """Return the hold-out rows that are chats as questions with golden answers."""
    found = []
    words = Words()
    for job, row in ids:
        example = rows.example(job, row, "holdout")
        turns = prompt_of(example)
        if isinstance(example, Chat) and turns:
            item = replace(
                _item(f"{job}:{row}", example, texts.encoder(job)), group=label_of(example, words)
            )
            tokens = texts.prompt(job, turns, item.tools)
            found.append(Question(of_set, item, "exact", tokens, max_tokens, job))
    return found


def _item(named: str, example: Chat, encoder: TextEncoder) -> SuiteItem:
    return SuiteItem(
        named,
        0,
        prompt_of(example),
        golden_answers(example, encoder),
        example.tools,
        scorer="calls" if ends_in_calls(example) else None,
    )


def prompt_text(example: Example) -> str:
    """Return the start of the last question, or of a plain text, for display."""
    turns = prompt_of(example)
    text = turns[-1].content if turns else answer_of(example)
    return text[:PROMPT_CHARACTERS]
