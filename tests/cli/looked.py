"""A file that was looked at, for the tests of `preview` and `data`; intake has its own tests."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from daemon.cli.files.examination import Examination
from daemon.core.rows.examples import Example
from daemon.core.rows.forms.names import FieldName
from daemon.layout import Layout
from daemon.layout_jobs import JobLayout
from daemon.settings import Settings
from daemon.text.encoder import TextEncoder
from daemon.text.pieces import TokenText
from tests.analysis.reports import accepted


class Encoder:
    """Stands for a model's text side: three tokens, one of each kind, the last with an escape."""

    def pieces(self, example: Example, max_tokens: int) -> list[TokenText]:
        return [
            TokenText("asked ", "ignored"),
            TokenText("said", "supervised"),
            TokenText("\x1b[2J", "truncated"),
        ]


class Looking:
    """Takes the place of `examine_file`."""

    def __init__(self, folder: Path) -> None:
        self.report: dict[str, Any] = accepted()
        self.place = JobLayout(folder)
        self.write(self.place.train, [1, 3])
        self.write(self.place.holdout, [4])
        self.place.rejected.touch()

    def write(self, path: Path, lines: list[int]) -> None:
        turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
        rows = [{"line": line, "tokens": 30, "messages": turns} for line in lines]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    @contextmanager
    def __call__(
        self, file: Path, layout: Layout, fields: Mapping[FieldName, str]
    ) -> Iterator[Examination]:
        yield Examination(self.report, self.place, Settings(), cast(TextEncoder, Encoder()))
