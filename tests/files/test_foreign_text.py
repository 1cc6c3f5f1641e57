"""Texts that hold no rows are called what they are, with the one thing to do."""

import json
from pathlib import Path

import pytest

from daemon.core.rows.forms.parts import is_transcript
from daemon.core.rows.refusal import Bad
from daemon.files.foreign_text import foreign_json
from daemon.files.kinds import HEAD_BYTES, FileKind, kind_of

ROWS = [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(4)]
BY_COLUMNS = {key: {str(n): row[key] for n, row in enumerate(ROWS)} for key in ROWS[0]}
SPLIT = {"columns": [*ROWS[0]], "index": [0, 1], "data": [[*row.values()] for row in ROWS]}
TABLE = {"schema": {"fields": [{"name": "prompt"}]}, "data": ROWS}
NOTEBOOK = {"cells": [{"cell_type": "code", "source": ["print(1)"]}], "nbformat": 4}
TALK = "".join(f"USER: {row['prompt']}\nASSISTANT: {row['completion']}\n\n" for row in ROWS)
LIST = "".join(f"- prompt: {row['prompt']}\n  completion: {row['completion']}\n" for row in ROWS)


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        (json.dumps(BY_COLUMNS), "data_frame", "orient='records'"),
        (json.dumps(BY_COLUMNS, indent=2), "data_frame", "orient='records'"),
        (json.dumps(SPLIT), "data_frame", "orient='records'"),
        (json.dumps(TABLE), "data_frame", "orient='records'"),
        (json.dumps({str(n): row for n, row in enumerate(ROWS)}), "rows_by_key", "jq -c '.[]'"),
        (json.dumps({f"q-{n}": ROWS[0] for n in range(5000)}), "rows_by_key", "jq -c '.[]'"),
        (json.dumps(NOTEBOOK, indent=1), "notebook", "json.dumps"),
        ("".join(f"{row}\n" for row in ROWS), "python_literals", "ast.literal_eval"),
        (str(ROWS), "python_literals", "ast.literal_eval"),
        ("{prompt: 'a', completion: 'b'}\n" * 3, "javascript", "JSON.stringify"),
        ("[training]\nrank = 8\n", "config", "rows of text"),
        (TALK, "transcript", '{"messages":'),
        (LIST, "yaml", "JSON lines"),
        ("---\nprompt: a\nanswer: b\n", "yaml", "JSON lines"),
        ("Once upon a time.\nThere was a dog.\n" * 9, "plain_text", '{"text": "\u2026"}'),
        ("# Title\n\nSome prose, with a comma.\n", "plain_text", '{"text": "\u2026"}'),
    ],
)
def test_a_text_without_rows_is_called_what_it_is(
    tmp_path: Path, text: str, code: str, hint: str
) -> None:
    """Each line was "unexpected character, expected a JSON value: mend the line" before."""
    path = tmp_path / "dropped.jsonl"
    path.write_text(text)
    found = kind_of(path)
    assert isinstance(found, Bad), found
    assert found.code == code
    assert hint in found.hint


@pytest.mark.parametrize(
    "text",
    [
        "".join(json.dumps(row) + "\n" for row in ROWS),
        "a line that is no row\n" + json.dumps(ROWS[0]) + "\n",
        'ion": "b"}\n' + json.dumps(ROWS[0]) + "\n",
        "{'a': 1}\n" + json.dumps(ROWS[0]) + "\n",
        json.dumps({"row_idx": 0, "row": ROWS[0]}) + "\n",
        json.dumps({"data": ROWS}),
        json.dumps({"columns": ["prompt"], "data": ROWS}),
        '"one text"\n"another"\n',
        "null\n",
        '[["a", "b"], ["c", "d"]]',
    ],
)
def test_what_may_hold_rows_is_read_row_by_row(tmp_path: Path, text: str) -> None:
    """One good line among bad ones must not be lost with the name of the whole file."""
    path = tmp_path / "dropped.jsonl"
    path.write_text(text)
    assert isinstance(kind_of(path), FileKind)


@pytest.mark.parametrize("blank", ["\n", " ", "\t", " \n"])
@pytest.mark.parametrize("before", ["[", "{", '{"text": "USER: a'])
def test_blanks_without_an_end_are_passed_over_once(before: str, blank: str) -> None:
    """A pattern that tried each of them again took hours for 64 KiB."""
    text = before + blank * (HEAD_BYTES // len(blank))
    assert foreign_json(text) is None
    assert not is_transcript("USER: a" + text)
