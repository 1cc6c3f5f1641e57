"""Quality suites: parses the header and items of a suite from the rows of its file."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args

from daemon.core.records import JsonObject
from daemon.core.rows.chat_rows import OPENAI, turns_of
from daemon.core.rows.examples import Chat, Turn, compact, prompt_of, turn_text
from daemon.core.rows.formats import recognise
from daemon.core.rows.forms.tool_lists import tools_of
from daemon.core.rows.refusal import Bad

ScorerName = Literal["exact", "overlap", "fields", "calls"]
Difficulty = Literal["easy", "medium", "hard"]
SCORERS: tuple[ScorerName, ...] = get_args(ScorerName)
DIFFICULTIES: tuple[Difficulty, ...] = get_args(Difficulty)
PROBES = "probes"
"""The suite of the user's own prompts; the only one that needs no header."""
QUESTION_KEYS = ("prompt", "question", "input", "instruction")
ANSWER_KEYS = ("answers", "answer", "completion", "response", "output")
"""Keys of answers in a file whose header names none."""
MOST_TOKENS = 4096
MOST_SHOWN = 60
"""Characters of a wrong value that a message quotes."""


@dataclass(frozen=True, slots=True)
class SuiteItem:
    """One question of a suite."""

    id: str
    line: int
    messages: tuple[Turn, ...]
    """The prompt; it ends with a turn of the user or of a tool."""
    answers: tuple[str, ...] = ()
    """Every accepted answer; empty if only length, formatting and style count."""
    tools: tuple[str, ...] = ()
    """The tools the model may call, each as the JSON text passed to the chat template."""
    difficulty: Difficulty = "medium"
    group: str | None = None
    """Shared by the variants of one question; None for a question without variants."""
    scorer: ScorerName | None = None
    """The scorer where the suite's own does not fit: `calls` for tool calls."""


@dataclass(frozen=True, slots=True)
class Suite:
    """A fixed set of questions and the scorer of their answers."""

    name: str
    title: str
    task: str
    scorer: ScorerName
    answer_field: str
    difficulty: Difficulty
    licence: str
    origin: str
    max_tokens: int
    """The longest answer, in tokens."""
    items: tuple[SuiteItem, ...]
    sha256: str
    """Hash of the file's bytes, the version of the suite."""
    habit: str = ""
    """The file whose training answers show how these are to be written; empty for the default."""

    def first(self, most: int) -> "Suite":
        """Return the suite with at most so many items, evenly spaced over all its parts."""
        count = len(self.items)
        if count <= most:
            return self
        return replace(self, items=tuple(self.items[n * count // most] for n in range(most)))


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a line of a suite, and what to do."""

    line: int
    """0 for the whole file."""
    message: str


@dataclass(frozen=True, slots=True)
class SuiteFile:
    """The result of reading one file: a suite, or the reasons why it is not one.

    `items` are all questions that could be read, even from a broken suite: none of them may be
    trained on either.
    """

    name: str
    suite: Suite | None
    items: tuple[SuiteItem, ...]
    mistakes: tuple[Mistake, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """The mistakes, each with its place."""
        where = f"evals/{self.name}.jsonl"
        return tuple(
            f"{where}, line {mistake.line}: {mistake.message}"
            if mistake.line
            else f"{where}: {mistake.message}"
            for mistake in self.mistakes
        )


def suite_of(name: str, rows: Iterable[tuple[int, Any]], sha256: str) -> SuiteFile:
    """Return the suite of a file's rows, each with its line; a bad line is given as a `Mistake`."""
    lines = list(rows)
    mistakes = [row for _, row in lines if isinstance(row, Mistake)]
    found = [(line, row) for line, row in lines if not isinstance(row, Mistake)]
    header: Suite | None = None
    declared: Suite | None = None
    system: str | None = None
    if found and isinstance(found[0][1], dict) and "suite" in found[0][1]:
        (line, row), *found = found
        header, wrong = _header(name, row, sha256)
        declared = header
        system = row["system"] if isinstance(row.get("system"), str) else None
        mistakes += [Mistake(line, words) for words in wrong]
    elif name == PROBES:
        header = _probes(sha256)
    elif not lines or not isinstance(lines[0][1], Mistake):
        mistakes.append(Mistake(1, f"the file has no header: begin it with {HEADER_FORM}"))
    items: list[SuiteItem] = []
    for line, row in found:
        item = _item(line, row, declared, system)
        if isinstance(item, SuiteItem):
            items.append(item)
        else:
            mistakes.append(item)
    if not items and not mistakes:
        mistakes.append(Mistake(0, "the file has no items: write one question a line"))
    mistakes += _bad_together(items, header)
    suite = None if mistakes or header is None else replace(header, items=tuple(items))
    return SuiteFile(name, suite, tuple(items), tuple(sorted(mistakes, key=lambda m: m.line)))


HEADER_FORM = (
    '{"suite": "<name of the file>", "title": "…", "task": "…", "scorer": "exact", '
    '"answer_field": "answers", "difficulty": "easy", "licence": "…", "origin": "…"}'
)
TEXTS = ("suite", "title", "task", "answer_field", "licence", "origin")
KNOWN = {*TEXTS, "scorer", "difficulty", "max_tokens", "system", "habit"}


def _probes(sha256: str) -> Suite:
    return Suite(
        PROBES,
        "your own prompts",
        "own prompts",
        "overlap",
        "answers",
        "medium",
        "own",
        "own",
        256,
        (),
        sha256,
    )


def _header(name: str, row: Mapping[str, object], sha256: str) -> tuple[Suite | None, list[str]]:
    """Return the suite without items, or all mistakes in its header."""
    texts_of = {key: text for key in TEXTS if isinstance(text := row.get(key), str)}
    needed = [repr(key) for key in TEXTS if not texts_of.get(key, "").strip()]
    texts = "a string" if len(needed) == 1 else "each a string"
    wrong = [f"the header needs {', '.join(needed)}, {texts}: {HEADER_FORM}"] if needed else []
    if isinstance(row["suite"], str) and row["suite"].strip() and row["suite"] != name:
        wrong.append(f"the header names the suite {row['suite']!r}: give file and suite one name")
    for key, known in (("scorer", SCORERS), ("difficulty", DIFFICULTIES)):
        if key not in row:
            wrong.append(f"the header needs {key!r}: write {' or '.join(known)}")
        elif row[key] not in known:
            found = f"{key!r} in the header is {_shown(row[key])}"
            wrong.append(f"{found}: write {' or '.join(known)}")
    wrong += _unknown(row)
    tokens = row.get("max_tokens", 256)
    if not isinstance(tokens, int) or isinstance(tokens, bool) or not 1 <= tokens <= MOST_TOKENS:
        wrong.append(f"'max_tokens' in the header is not a whole number from 1 to {MOST_TOKENS}")
    for key in ("system", "habit"):
        if not isinstance(row.get(key, ""), str):
            wrong.append(f"{key!r} in the header is not a string: make it one or leave it out")
    if wrong:
        return None, wrong
    return Suite(
        name,
        texts_of["title"],
        texts_of["task"],
        cast("ScorerName", row["scorer"]),
        texts_of["answer_field"],
        cast("Difficulty", row["difficulty"]),
        texts_of["licence"],
        texts_of["origin"],
        cast("int", tokens),
        (),
        sha256,
        cast("str", row.get("habit", "")),
    ), []


def _unknown(row: Mapping[str, object]) -> list[str]:
    unknown = sorted(set(row) - KNOWN)
    if not unknown:
        return []
    return [f"the header has the unknown key {', '.join(map(repr, unknown))}: leave it out"]


def _shown(value: Any) -> str:
    """Return a value as JSON, cut to a bounded length."""
    text = compact(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def _item(line: int, row: Any, header: Suite | None, system: str | None) -> SuiteItem | Mistake:
    if not isinstance(row, dict):
        return Mistake(line, "the item is not an object: write one JSON object a line")
    prompt = _prompt_of(row, system)
    if isinstance(prompt, Bad):
        return Mistake(line, f"{prompt.message}: {prompt.hint}")
    messages, own = prompt
    tools = tools_of(row) if "tools" in row or "functions" in row else ()
    if isinstance(tools, Bad):
        return Mistake(line, f"{tools.message}: {tools.hint}")
    difficulty = row.get("difficulty", "medium" if header is None else header.difficulty)
    if difficulty not in DIFFICULTIES:
        words = " or ".join(DIFFICULTIES)
        found = f"the difficulty is {_shown(difficulty)}"
        return Mistake(line, f"{found}: write {words}, or leave it out")
    answers = _answers(row, header, own)
    if isinstance(answers, str):
        return Mistake(line, answers)
    named = row.get("id", str(line))
    if not isinstance(named, str) or not named:
        return Mistake(line, "'id' is not a string: give each item one of its own, or none")
    group = row.get("group")
    if group is not None and (not isinstance(group, str) or not group):
        return Mistake(line, "'group' is not a string: write one for all variants of a question")
    scorer = _scorer_of(answers, None if _answer_key(row, header) else own, header, tools)
    return SuiteItem(named, line, messages, answers, tools, difficulty, group, scorer)


def _scorer_of(
    answers: tuple[str, ...], own: Turn | None, header: Suite | None, tools: tuple[str, ...]
) -> ScorerName | None:
    """Return `calls` where tool calls would otherwise be compared as text."""
    if header is not None and header.scorer not in ("exact", "overlap"):
        return None
    if own is not None:
        return "calls" if own.calls else None
    spelled = bool(answers) and all(_is_structure(answer, "calls") for answer in answers)
    return "calls" if spelled and (header is None or tools) else None


def _prompt_of(row: JsonObject, system: str | None) -> tuple[tuple[Turn, ...], Turn | None] | Bad:
    """Return the prompt of an item, and its answer where it is a complete example."""
    answer: Turn | None = None
    if "messages" in row and not _ends_with_answer(row["messages"]):
        # The rules for conversations want an answer at the end.
        prompt = row["messages"] if isinstance(row["messages"], list) else []
        turns = turns_of(
            [*prompt, {"role": "assistant", "content": "-"}], OPENAI, row.get("system")
        )
        if isinstance(turns, Bad):
            return turns
        messages = turns[:-1]
    else:
        found = recognise(row)
        if not isinstance(found, Bad) and isinstance(found.example, Chat):
            messages, answer = prompt_of(found.example), found.example.turns[-1]
        else:
            text = next((row[key] for key in QUESTION_KEYS if key in row), None)
            if not isinstance(text, str) or not text.strip():
                keys = ", ".join(map(repr, QUESTION_KEYS))
                return Bad(
                    "no_question", "the item has no question", f"give it 'messages' or {keys}"
                )
            messages = (Turn("user", text),)
    if system is not None and messages[0].role != "system":
        messages = (Turn("system", system), *messages)
    return messages, answer


def _ends_with_answer(messages: Any) -> bool:
    last = messages[-1] if isinstance(messages, list) and messages else None
    return isinstance(last, dict) and last.get("role") == "assistant"


def _answers(
    row: Mapping[str, object], header: Suite | None, own: Turn | None
) -> tuple[str, ...] | str:
    """Return the accepted answers, or what is wrong with them."""
    key = _answer_key(row, header)
    if key is None and own is not None and own.calls and _takes_calls(header):
        return (turn_text(own),)
    other = next((key for key in ANSWER_KEYS if row.get(key) is not None), None)
    # A row with a question and an answer under another key is a complete example too.
    whole = own if header is None or other is None else None
    given = (None if whole is None else turn_text(whole)) if key is None else row[key]
    if given is None:
        if header is None or other is None:
            return ()
        return (
            f"the answer is under {other!r}, but the header names {header.answer_field!r}: "
            "rename one of them"
        )
    several = given if isinstance(given, list) else [given]
    texts = tuple(each if isinstance(each, str) else compact(each) for each in several)
    if not texts or not all(text.strip() for text in texts):
        return f"{key or 'the answer'!r} is empty: write an accepted answer, or leave the key out"
    if header is not None and header.scorer in ("fields", "calls"):
        for text in texts:
            if not _is_structure(text, header.scorer):
                what = "an object" if header.scorer == "fields" else CALL_FORM
                return f"an accepted answer is not {what}, as the scorer {header.scorer!r} needs"
    return texts


def _answer_key(row: Mapping[str, object], header: Suite | None) -> str | None:
    keys = ANSWER_KEYS if header is None else (header.answer_field,)
    return next((key for key in keys if row.get(key) is not None), None)


def _takes_calls(header: Suite | None) -> bool:
    return header is None or header.scorer != "fields"


CALL_FORM = 'a call {"name": "…", "arguments": {…}} or a list of calls'


def _is_structure(text: str, scorer: ScorerName) -> bool:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if scorer == "fields":
        return isinstance(value, dict)
    calls = value if isinstance(value, list) else [value]
    return all(
        isinstance(call, dict)
        and isinstance(call.get("name"), str)
        and isinstance(call.get("arguments"), dict)
        for call in calls
    )


def _bad_together(items: list[SuiteItem], header: Suite | None) -> list[Mistake]:
    """Return the mistakes that only show when items are compared."""
    first: dict[str, int] = {}
    twice = []
    for item in items:
        if first.setdefault(item.id, item.line) != item.line:
            words = f"the id {item.id!r} is also that of line {first[item.id]}: give it another"
            twice.append(Mistake(item.line, words))
    if header is not None and header.scorer in ("fields", "calls"):
        without = [item for item in items if not item.answers]
        words = f"the scorer {header.scorer!r} needs {header.answer_field!r} in every item"
        twice += [Mistake(item.line, f"{words}: add it") for item in without]
    return twice
