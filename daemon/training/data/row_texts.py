"""Encodes the rows of a run, each with the prefix with which intake read its file.

Intake counted the tokens with that prefix and in the plain form of that time, and what was trained
so is prompted so.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby

from daemon.core.rows.examples import Example, Turn
from daemon.core.rows.prefix import Prefix
from daemon.errors import RunFault
from daemon.text.encoder import Encoded, TextEncoder

ANY_LENGTH = 2**31 - 1
"""Intake has refused rows that are too long; the others are never truncated here."""

JobRow = tuple[str, Example]
"""A row and the job it belongs to."""


class RowTexts:
    """The encoder of a run's rows, with the prefix of each job."""

    def __init__(
        self, encoder: TextEncoder, prefixes: Mapping[str, Prefix], forms: Mapping[str, str]
    ) -> None:
        """`prefixes` and plain `forms` are by job; the other jobs have none."""
        self._encoder = encoder
        self._prefixes = prefixes
        self._forms = forms

    def with_prefix(self, jobs: Sequence[str], prefix: Prefix | None) -> "RowTexts":
        """Return a copy with another prefix, or none, for some jobs."""
        others = {job: its for job, its in self._prefixes.items() if job not in jobs}
        mine = {} if prefix is None else dict.fromkeys(jobs, prefix)
        return RowTexts(self._encoder, others | mine, self._forms)

    def encode(self, rows: Sequence[JobRow]) -> list[Encoded]:
        """Encode rows that intake has accepted.

        Raises:
            RunFault: one cannot be encoded any more: the tokenizer or the template has changed.
        """
        found = []
        for (prefix, form), group in groupby(rows, lambda row: self._variant(row[0])):
            encoder = self._encoder.for_version(prefix, form)
            for item in encoder.encode([example for _, example in group], ANY_LENGTH):
                if not isinstance(item, Encoded):
                    message = f"an accepted row cannot be encoded: {item.message}"
                    raise RunFault("row_unfit", message)
                found.append(item)
        return found

    def encoder(self, job: str) -> TextEncoder:
        """Return the encoder with a job's prefix, in its plain form."""
        return self._encoder.for_version(*self._variant(job))

    def _variant(self, job: str) -> tuple[Prefix | None, str | None]:
        return self._prefixes.get(job), self._forms.get(job)

    def prompt(self, job: str, turns: Sequence[Turn], tools: Sequence[str]) -> tuple[int, ...]:
        """Return the tokens of a question up to where its answer begins."""
        return tuple(self.encoder(job).encode_prompt(turns, tools))
