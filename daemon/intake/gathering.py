"""The second pass: turns new rows into tokens, keys and measures, with their text on disk."""

import os
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import orjson

from daemon.analysis.quality import Columns, measure
from daemon.analysis.secrets import kinds_in
from daemon.core.rows.examples import Chat, Example, from_record, to_record
from daemon.core.rows.refusal import Bad
from daemon.dedup.boilerplate import SAMPLE, Boilerplate
from daemon.dedup.growing import with_answers_of
from daemon.dedup.sealing import Sealer, own_words, question_of
from daemon.folders.queue.fingerprints import KEY, Keys
from daemon.intake.looking import I64, Progress, Rows
from daemon.intake.tally import Tally
from daemon.settings import Settings
from daemon.text.abilities import Lost
from daemon.text.encoder import TextEncoder
from daemon.text.fitting import fit

BATCH = 512
U64 = npt.NDArray[np.uint64]
HINTS = {
    "too_long": "shorten the row, raise training.max_row_tokens, or set training.over_long",
    "template_error": "use the roles and order that the model's chat template knows",
    "answer_left_out": "write calls into the text of the answer, or choose another base",
    "no_supervised_tokens": "give the row an answer to learn",
}


@dataclass
class GatheredRows:
    """The rows that fit, by their place; about 250 bytes each in memory."""

    path: Path
    limit: int
    """Most tokens of a row."""
    shared: Boilerplate
    """What was set aside before the signatures in `keys` were made."""
    places: "array[int]" = field(default_factory=lambda: array("I"))
    """Where each row stands among the rows of the file; parts of a split row share one."""
    lines: "array[int]" = field(default_factory=lambda: array("I"))
    tokens: "array[int]" = field(default_factory=lambda: array("I"))
    supervised: "array[int]" = field(default_factory=lambda: array("I"))
    measures: Columns = field(default_factory=Columns)
    private: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """Kinds of secrets and personal data, of the rows that hold any."""
    keys: Keys = field(default_factory=lambda: np.zeros(0, KEY))
    _file: FileIO | None = None
    _ends: U64 = field(default_factory=lambda: np.zeros(0, np.uint64))
    """Where the record of each row ends."""
    split: int = 0
    truncated: int = 0
    forged: int = 0

    def __len__(self) -> int:
        return len(self.lines)

    def records(self) -> Iterator[bytes]:
        """Give the records of all rows in order."""
        with self.path.open("rb") as file:
            yield from file

    def example(self, place: int) -> Example:
        """Read one row."""
        if self._file is None:
            self._file = self.path.open("rb", buffering=0)
            self._ends = np.append(self.keys["offset"][1:], self.path.stat().st_size)
        begin, end = int(self.keys["offset"][place]), int(self._ends[place])
        # One call of the system for each row; a buffered file needs two and copies more.
        return from_record(orjson.loads(os.pread(self._file.fileno(), end - begin, begin)))

    def close(self) -> None:
        """Close the file the rows are read from."""
        if self._file is not None:
            self._file.close()


class Gatherer:
    """Turns rows of one file into gathered ones."""

    def __init__(
        self, encoder: TextEncoder, settings: Settings, sealer: Sealer, tally: Tally
    ) -> None:
        self._encoder = encoder
        self._settings = settings
        self._sealer = sealer
        self._tally = tally
        self.lost: Counter[Lost] = Counter()
        """Rows of which the template leaves something out, by what."""

    def boilerplate(self, rows: Rows, places: I64) -> Boilerplate:
        """Find what most questions of a file share, from a sample of them."""
        sample = places[:: max(1, len(places) // SAMPLE)].tolist()
        words = [own_words(example) for example in rows.examples(sample)]
        return Boilerplate.find(words, self._settings.dedup.boilerplate_share)

    def gather(
        self,
        rows: Rows,
        places: I64,
        grown: Mapping[int, Sequence[int]],
        boilerplate: Boilerplate,
        target: Path,
        progress: Progress,
    ) -> GatheredRows:
        """Write the rows of some places that fit, and return what is known of them.

        `grown` gives for a place the places of the shorter conversations it stands for.
        """
        gathered = GatheredRows(target, self._settings.training.max_row_tokens, boilerplate)
        keys = np.zeros(len(places), KEY)
        with target.open("wb") as file:
            for begin in range(0, len(places), BATCH):
                batch = places[begin : begin + BATCH].tolist()
                kept = self._fit(rows, batch, self._examples(rows, batch, grown), gathered)
                questions = [question_of(item.example) for item in kept]
                begins = len(gathered)
                made = self._sealer.keys(questions, boilerplate)
                self._write(file, kept, made, gathered, rows, grown)
                if len(gathered) > len(keys):
                    # Rows that were split are more than the lines they came in.
                    keys = np.concatenate([keys, np.zeros(len(gathered), KEY)])
                keys[begins : len(gathered)] = made
                progress(begin + len(batch))
        gathered.keys = keys[: len(gathered)]
        return gathered

    def _examples(
        self, rows: Rows, batch: Sequence[int], grown: Mapping[int, Sequence[int]]
    ) -> list[Example]:
        examples = list(rows.examples(batch))
        for number, place in enumerate(batch):
            longest = examples[number]
            if place in grown and isinstance(longest, Chat):
                shorter = [e for e in rows.examples(grown[place]) if isinstance(e, Chat)]
                examples[number] = with_answers_of(longest, shorter)
        return examples

    def _fit(
        self, rows: Rows, batch: Sequence[int], examples: list[Example], gathered: GatheredRows
    ) -> list["_Kept"]:
        training = self._settings.training
        batch, examples = self._sayable(rows, batch, examples)
        fitted = fit(self._encoder, examples, training.max_row_tokens, training.over_long)
        unfit = [
            (place, item.unfit)
            for place, item in zip(batch, fitted, strict=True)
            if item.unfit is not None
        ]
        lines = rows.lines([place for place, _ in unfit])
        for line, (_, reason) in zip(lines, unfit, strict=True):
            hint = HINTS.get(reason.code, "change the row")
            self._tally.refuse(line, Bad(reason.code, reason.message, hint))
        gathered.split += sum(item.what == "split" for item in fitted)
        gathered.truncated += sum(item.what == "truncated" for item in fitted)
        return [
            _Kept(
                place, example, len(encoded.tokens), int(encoded.supervised.sum()), encoded.forged
            )
            for place, item in zip(batch, fitted, strict=True)
            for example, encoded in item.parts
        ]

    def _sayable(
        self, rows: Rows, batch: Sequence[int], examples: list[Example]
    ) -> tuple[list[int], list[Example]]:
        """Refuse the rows that would be turned into something else."""
        abilities = self._encoder.abilities
        kept: list[tuple[int, Example]] = []
        bad: list[tuple[int, Bad]] = []
        for place, example in zip(batch, examples, strict=True):
            why = self._encoder.refusal(example)
            if why is not None:
                bad.append((place, why))
                continue
            kept.append((place, example))
            self.lost.update(abilities.lost(example))
        for line, (_, why) in zip(rows.lines([place for place, _ in bad]), bad, strict=True):
            self._tally.refuse(line, why)
        return [place for place, _ in kept], [example for _, example in kept]

    def _write(
        self,
        file: BinaryIO,
        kept: Sequence["_Kept"],
        keys: Keys,
        gathered: GatheredRows,
        rows: Rows,
        grown: Mapping[int, Sequence[int]],
    ) -> None:
        for number, item in enumerate(kept):
            row, line = len(gathered), int(rows.numbers[item.place])
            record = {
                "row": row,
                "line": line,
                "tokens": item.tokens,
                "supervised": item.supervised,
                **to_record(item.example),
            }
            if item.place in grown:
                record["stands_for"] = rows.numbers[list(grown[item.place])].tolist()
            keys[number]["offset"], keys[number]["row"] = file.tell(), row
            keys[number]["line"] = line
            file.write(orjson.dumps(record) + b"\n")
            gathered.places.append(item.place)
            gathered.lines.append(line)
            gathered.tokens.append(item.tokens)
            gathered.supervised.append(item.supervised)
            gathered.forged += item.forged
            gathered.measures.add(measure(item.example))
            if kinds := kinds_in(item.example):
                gathered.private[row] = tuple(kinds)


@dataclass(frozen=True, slots=True)
class _Kept:
    """One row that fits: a whole line of the file, or a part of one."""

    place: int
    example: Example
    tokens: int
    supervised: int
    forged: int
