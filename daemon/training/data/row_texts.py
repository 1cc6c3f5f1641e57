"""The rows of a run as tokens, each with the prefix its file was taken in with; knows no step.

Intake counted a row's tokens with that prefix, and what was taught with it is asked for with it.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby

from daemon.core.rows.examples import Example, Turn
from daemon.core.rows.prefix import Prefix
from daemon.errors import RunFault
from daemon.text.encoder import Encoded, TextEncoder

ANY_LENGTH = 2**31 - 1
"""Intake has decided which rows are short enough; what it accepted is trained whole."""

JobRow = tuple[str, Example]
"""A row and the job it belongs to."""


class RowTexts:
    """The text side of a run."""

    def __init__(self, encoder: TextEncoder, prefixes: Mapping[str, Prefix]) -> None:
        """`prefixes` are those of jobs; the others have none."""
        self._encoder = encoder
        self._prefixes = prefixes

    def asked_with(self, jobs: Sequence[str], prefix: Prefix | None) -> "RowTexts":
        """Return the same, but with another prefix for some jobs."""
        others = {job: its for job, its in self._prefixes.items() if job not in jobs}
        mine = {} if prefix is None else dict.fromkeys(jobs, prefix)
        return RowTexts(self._encoder, others | mine)

    def encode(self, rows: Sequence[JobRow]) -> list[Encoded]:
        """Encode rows that intake has accepted.

        Raises:
            RunFault: one cannot be encoded any more: another tokenizer or template is at work.
        """
        found = []
        for prefix, group in groupby(rows, lambda row: self._prefixes.get(row[0])):
            encoder = self._encoder.prefixed(prefix)
            for item in encoder.encode([example for _, example in group], ANY_LENGTH):
                if not isinstance(item, Encoded):
                    message = f"an accepted row cannot be encoded: {item.message}"
                    raise RunFault("row_unfit", message)
                found.append(item)
        return found

    def encoder(self, job: str) -> TextEncoder:
        """Return the text side with a job's prefix."""
        return self._encoder.prefixed(self._prefixes.get(job))

    def prompt(self, job: str, turns: Sequence[Turn], tools: Sequence[str]) -> tuple[int, ...]:
        """Return the tokens of a question up to where its answer begins."""
        return tuple(self.encoder(job).encode_prompt(turns, tools))
