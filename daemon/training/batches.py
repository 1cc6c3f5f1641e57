"""The contents of a run's steps and of its fixed items, as tokens; knows no model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from daemon.core.examples import Example, answer_of, prompt_of
from daemon.core.plan import Plan, mix, passes, widths
from daemon.errors import RunFault
from daemon.evaluation.scoring import Prompt
from daemon.text.encoder import Encoded, TextEncoder
from daemon.training.engine import EncodedPass
from daemon.training.frozen import Choices, Request, RowId
from daemon.training.rows import JobRows

PROMPT_CHARACTERS = 500
ANY_LENGTH = 2**31 - 1
"""Intake has decided which rows are short enough; what it accepted is trained whole."""


@dataclass(frozen=True)
class StepContent:
    """What one optimizer step computes."""

    epoch: int
    passes: tuple[EncodedPass, ...]
    jobs: tuple[str, ...]
    prompt: str

    @property
    def rows(self) -> list[Encoded]:
        """The rows of all passes."""
        return [row for item in self.passes for row in item.rows]


class TrainingRows:
    """The training rows of a run, batch by batch."""

    def __init__(
        self, request: Request, choices: Choices, rows: JobRows, encoder: TextEncoder
    ) -> None:
        self._request = request
        self._examples = choices.examples
        self._rows = rows
        self._encoder = encoder
        training = request.settings.training
        lengths = [self._length(job, row) for job, row in choices.examples]
        self._lengths = lengths
        self._widths = widths(lengths)
        self._pass_tokens = training.pass_tokens
        self.plan = Plan(
            lengths, training.batch_rows, training.epochs, mix(request.seed, "order", request.step)
        )

    def _length(self, job: int, row: int) -> int:
        index = self._rows.train(self._request.jobs[job])
        place = index.place(row)
        if place is None:
            raise RunFault("row_missing", f"row {row} is not in {index.path} any more")
        return int(index.tokens[place])

    def step(self, index: int) -> StepContent:
        """Return what a step computes; `index` counts from 0."""
        batch = self.plan.batch(index)
        examples = {row: self._example(row) for row in batch.rows}
        encoded = dict(zip(examples, encode(self._encoder, examples.values()), strict=True))
        split = passes(batch.rows, self._lengths, self._widths, self._pass_tokens)
        jobs = sorted({self._examples[row][0] for row in batch.rows})
        return StepContent(
            batch.epoch,
            tuple(EncodedPass(p.width, tuple(encoded[row] for row in p.rows)) for p in split),
            tuple(self._request.jobs[job] for job in jobs),
            prompt_text(examples[batch.rows[0]]),
        )

    def _example(self, row: int) -> Example:
        job, number = self._examples[row]
        return self._rows.example(self._request.jobs[job], number, "train")


def encode(encoder: TextEncoder, examples: Iterable[Example]) -> list[Encoded]:
    """Encode examples that intake has accepted.

    Raises:
        RunFault: one cannot be encoded any more: another tokenizer or template is at work.
    """
    found = []
    for item in encoder.encode(list(examples), ANY_LENGTH):
        if not isinstance(item, Encoded):
            raise RunFault("row_unfit", f"an accepted row cannot be encoded: {item.message}")
        found.append(item)
    return found


def holdout_rows(rows: JobRows, encoder: TextEncoder, ids: Sequence[RowId]) -> list[Encoded]:
    """Return hold-out rows as tokens."""
    return encode(encoder, [rows.example(job, row, "holdout") for job, row in ids])


def prompts(rows: JobRows, encoder: TextEncoder, ids: Iterable[RowId]) -> list[Prompt]:
    """Return the questions among hold-out rows, with their golden answers."""
    found = []
    for job, row in ids:
        example = rows.example(job, row, "holdout")
        turns = prompt_of(example)
        if turns:
            tokens = tuple(encoder.encode_prompt(turns))
            found.append(Prompt(tokens, prompt_text(example), answer_of(example), job))
    return found


def prompt_text(example: Example) -> str:
    """Return the start of what is asked, or of a plain text, for people."""
    turns = prompt_of(example)
    text = turns[-1].content if turns else answer_of(example)
    return text[:PROMPT_CHARACTERS]
