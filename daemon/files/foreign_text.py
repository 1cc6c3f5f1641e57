"""Names texts that hold no rows of JSON: YAML, notebooks, data frames, Python's literals, prose."""

import json
import re

from daemon.core.rows.formats import recognise
from daemon.core.rows.forms.names import meaning_of
from daemon.core.rows.refusal import Bad
from daemon.files.tables import SEPARATORS

YAML = Bad("yaml", "the file is YAML", "write its rows as JSON lines, one object on each line")
LINES = 200
"""Lines of a text that are looked at."""
# Possessive, and within a line: a file of blanks alone took hours.
_ROW = re.compile(r'^[ \t]*+(?:\[[ \t]*+)?\{\s*+["}]', re.M)
_PYTHON = re.compile(r"\[?\s*\{\s*'")
_SCRIPT = re.compile(r"\[?\s*\{\s*[A-Za-z_$][\w$]*\s*:")
_SECTION = re.compile(r"\[{1,2}[A-Za-z][\w.\- \"]*\]{1,2}\s*(?:[#;].*)?\n")
_YAML = re.compile(r"\s*(?:- )?[A-Za-z_][\w-]*:(?:\s|$)|\s*- |---|\s*#")
_YAML_LIST = re.compile(r"- [A-Za-z_][\w-]*:\s|---\s*\Z")
_SPEAKER = re.compile(
    r"[\W_]{0,5}(?:system|user|human|assistant|ai|bot|model|question|answer|instruction|response"
    r"|prompt|completion|q|a)[\W_]{0,3}:",
    re.I,
)
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1f]")
_KEY = r'\s*"(?:[^"\\]|\\.)*"\s*:\s*'
_NOTEBOOK = re.compile(r'\{\s*"cells"\s*:\s*\[\s*\{\s*"(?:attachments|cell_type|id)"\s*:')
_BY_COLUMNS = re.compile(rf'\{{{_KEY}\{{\s*"0"\s*:\s*[^{{\s]')
_SPLIT = re.compile(r'\{\s*"columns"\s*:\s*\[\s*".*?"data"\s*:\s*\[\s*\[', re.S)
_TABLE = re.compile(r'\{\s*"schema"\s*:\s*\{\s*"fields"\s*:')
_FIRST = re.compile(rf"\{{{_KEY}(?=\{{)")
_NEXT = re.compile(rf"\s*,{_KEY}\{{")

_RECORDS = "df.to_json('rows.jsonl', orient='records', lines=True)"
_PYTHON_TO_JSON = (
    "write each with json.dumps(row); for a file of such lines: python3 -c 'import ast, json, sys; "
    "[print(json.dumps(ast.literal_eval(row))) for row in sys.stdin]' < FILE > rows.jsonl"
)


def foreign_json(text: str) -> Bad | None:
    """Return what the beginning of a text is that looks like JSON and certainly holds no rows."""
    if text.startswith("{"):
        return _data(text) or _no_json(text)
    return _no_json(text) if text.startswith("[") else None


def foreign_prose(text: str) -> Bad | None:
    """Return what a text is, by its beginning, if it is no table and no line of it may be a row."""
    if _UNPRINTABLE.search(text):
        return None
    lines = [line for line in text.splitlines()[:LINES] if line.strip()]
    if not lines or any(line.lstrip()[0] in '{["' for line in lines) or _is_value(lines[0]):
        return None
    return _prose(lines)


def _no_json(text: str) -> Bad | None:
    """Name what begins like JSON and is none, unless any of its lines may be a row."""
    if _ROW.search(text):
        return None
    if _PYTHON.match(text):
        message = "the file has Python's dicts, in single quotes: that is not JSON"
        return Bad("python_literals", message, _PYTHON_TO_JSON)
    if _SCRIPT.match(text):
        message = "the file has JavaScript's objects, their keys without quotes: that is not JSON"
        return Bad("javascript", message, "write each with JSON.stringify(row), one on each line")
    if _SECTION.match(text):
        return Bad("config", "the file is a settings file (TOML or INI)", "drop rows of text")
    return None


def _prose(lines: list[str]) -> Bad:
    if _YAML_LIST.match(lines[0]) or (len(lines) > 1 and _YAML_LIST.match(lines[1])):
        return YAML
    if sum(_SPEAKER.match(line) is not None for line in lines) > 1:
        return Bad(
            "transcript",
            "the file is a transcript in plain text, not rows",
            'write each conversation on one line: {"messages": [{"role": "user", "content": "…"}, '
            '{"role": "assistant", "content": "…"}]}',
        )
    if len(lines) > 1 and all(map(_YAML.match, lines[:3])) and any(":" in x for x in lines[:3]):
        return YAML
    if any(_may_part(lines[:20], separator) for separator in SEPARATORS):
        return Bad(
            "no_header",
            "the file may be a table, of which the first line does not name the columns",
            "write their names into the first line, like: prompt,completion",
        )
    return Bad(
        "plain_text",
        "the file is plain text, not rows",
        'to train it as text, write each passage as {"text": "…"} on a line of its own',
    )


def _may_part(lines: list[str], separator: str) -> bool:
    """Return whether a separator stands in each of several lines, as often in all."""
    counts = {line.count(separator) for line in lines}
    return len(lines) > 1 and len(counts) == 1 and counts != {0}


def _is_value(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _data(text: str) -> Bad | None:
    """Name one object that holds all rows in another way than as a list."""
    if _NOTEBOOK.match(text):
        hint = "save its rows with json.dumps(row), one on each line, and drop that"
        return Bad("notebook", "the file is a Jupyter notebook", hint)
    if _BY_COLUMNS.match(text) or _SPLIT.match(text) or _TABLE.match(text):
        message = "the file is a data frame as pandas writes it, by columns and not by rows"
        return Bad("data_frame", message, f"write it with {_RECORDS} and drop that")
    key = _key_of_rows(text)
    if key is None:
        return None
    return Bad(
        "rows_by_key",
        f"the file is one JSON object with a row under each key ({key[:40]!r} …), not a list",
        f"drop the rows alone: jq -c '.[]' FILE > rows.jsonl, or from pandas {_RECORDS}",
    )


def _key_of_rows(text: str) -> str | None:
    """Return the first key of an object whose values are rows; None if it is not certain."""
    first = _FIRST.match(text)
    if first is None:
        return None
    decoder = json.JSONDecoder()
    try:
        row, end = decoder.raw_decode(text, first.end())
        key, _ = decoder.raw_decode(text, text.index('"'))
    except (ValueError, RecursionError):
        return None
    if _NEXT.match(text, end) is None or meaning_of(key) is not None:
        return None
    if isinstance(recognise(row), Bad):
        return None
    try:
        whole, _ = decoder.raw_decode(text)
    except (ValueError, RecursionError):
        return str(key)
    return str(key) if isinstance(recognise(whole), Bad) else None
