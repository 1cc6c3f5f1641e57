"""Classifies the keys of a row, once for all rows with the same keys."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal

from daemon.core.rows.forms.names import (
    FIELDS,
    OWN_MEANINGS,
    TASKS,
    FieldName,
    Meaning,
    known_as,
    meaning_of,
)
from daemon.core.rows.readings import Reading

Shape = Literal["pair", "chat", "text", "other"]
NESTED: tuple[Meaning, ...] = ("wrapper", "export", "messages")
NESTED_NAMES = (
    "request",
    "response",
    "choices",
    "candidates",
    "output",
    "outputs",
    "input",
    "inputs",
    "history",
)
"""Names that hold text in an ordinary row, but an object or a list in an export."""
MORE: tuple[Meaning, ...] = ("input", "context", "system")
"""What else a pair may have, one key of each, to take the fast path."""


@dataclass(frozen=True)
class RowPlan:
    """The keys of a row by their meaning."""

    order: tuple[str, ...]
    by: Mapping[Meaning, tuple[str, ...]]
    unknown: tuple[str, ...]
    own: Mapping[str, FieldName]
    """Keys named by the user, with the known name of each."""
    nested: tuple[str, ...]
    """Keys that may hold an export."""
    shape: Shape = "other"
    """The shape of the row if its values are texts or simple messages."""
    first: str = ""
    """The shape's key of the question, the messages or the text."""
    answer: str = ""
    tools: str = ""
    more: tuple[tuple[str, Meaning], ...] = ()
    _words: dict[int, tuple[str, Reading]] = field(default_factory=dict)

    def keys(self, meaning: Meaning) -> tuple[str, ...]:
        """Return the keys of a meaning, in order of precedence."""
        return self.by.get(meaning, ())

    def title(self, key: str) -> str:
        """Return the name of a key in the name of a form."""
        return self.own.get(key) or known_as(key)

    @cached_property
    def metadata(self) -> tuple[str, ...]:
        """Keys of metadata, with nothing to train."""
        return self.keys("metadata")

    @cached_property
    def is_task(self) -> bool:
        """Whether the question is an instruction for the text after it."""
        return known_as(self.first) in TASKS

    def pair_words(self, used: int) -> tuple[str, Reading]:
        """Return form and reading of a pair; `used` has a bit for each of `more` with a text."""
        found = self._words.get(used)
        if found is None:
            more = [key for place, (key, _) in enumerate(self.more) if used >> place & 1]
            keys = [key for key in self.order if key in (self.first, *more)]
            systems = self.keys("system")
            form = pair_form(
                [self.title(key) for key in keys if key not in systems], self.title(self.answer)
            )
            found = self._words[used] = form, self.reading(keys, (self.answer,))
        return found

    def chat_words(self, shares: bool, with_tools: bool) -> tuple[str, Reading]:
        """Return form and reading of a conversation; `shares` where it is in ShareGPT's form."""
        place = 2 * shares + with_tools
        found = self._words.get(place)
        if found is None:
            used = (self.first, self.tools) if with_tools else (self.first,)
            keys = [key for key in self.order if key in used]
            found = self._words[place] = chat_form(self.first, shares), self.reading(keys, ())
        return found

    def reading(
        self, questions: "tuple[str, ...] | list[str]", answers: tuple[str, ...]
    ) -> Reading:
        """Return the reading of keys that need no note."""
        taken = " -> ".join(filter(None, (" + ".join(questions), " + ".join(answers))))
        return Reading(taken, self.metadata)


def pair_form(questions: list[str], answer: str) -> str:
    """Return the name of the form of a question and its answer."""
    alpaca = "instruction" in questions and set(questions) <= {"instruction", "input"}
    if answer == "output" and alpaca:
        return "alpaca"
    return f"{'+'.join(questions) or 'system'}/{answer}"


def chat_form(key: str, shares: bool) -> str:
    """Return the name of the form of a conversation."""
    named = known_as(key) in ("conversations", "conversation")
    return "sharegpt" if shares or named else "messages"


@lru_cache(4096)
def plan_of(keys: tuple[str, ...], own: tuple[tuple[FieldName, str], ...]) -> RowPlan:
    """Return the keys of a row by meaning; a user's own names take precedence."""
    taken = _own_keys(keys, own)
    found: dict[Meaning, tuple[str, ...]] = {
        OWN_MEANINGS[name]: (key,) for key, name in taken.items()
    }
    named_by_user = frozenset(found)
    unknown: list[str] = []
    others: dict[Meaning, list[str]] = {}
    for key in keys:
        if key in taken:
            continue
        meaning = meaning_of(key)
        if meaning is None or meaning in named_by_user:
            unknown.append(key)
        else:
            others.setdefault(meaning, []).append(key)
    for meaning, names in others.items():
        found[meaning] = tuple(sorted(names, key=lambda key: _rank(meaning, key)))
    _move_lone_letters(found, unknown)
    nested = tuple(
        key
        for meaning, named in found.items()
        for key in named
        if key not in taken and (meaning in NESTED or known_as(key) in NESTED_NAMES)
    )
    return _shaped(RowPlan(keys, found, tuple(unknown), taken, nested))


def _shaped(plan: RowPlan) -> RowPlan:
    """Return a plan with its shape, where all keys but metadata belong to one."""
    held = {meaning for meaning, keys in plan.by.items() if keys and meaning != "metadata"}
    single = all(len(plan.keys(meaning)) == 1 for meaning in held)
    if plan.unknown or not single:
        return plan
    question: Meaning = "prompt" if "prompt" in held else "input"
    shape: Shape = "other"
    first = answer = tools = ""
    more: tuple[tuple[str, Meaning], ...] = ()
    if held == {"text"}:
        shape, first = "text", plan.by["text"][0]
    elif "messages" in held and held <= {"messages", "tools"}:
        shape, first = "chat", plan.by["messages"][0]
        tools = plan.by["tools"][0] if "tools" in held else ""
    elif {question, "completion"} <= held and held <= {question, "completion", *MORE}:
        shape, first, answer = "pair", plan.by[question][0], plan.by["completion"][0]
        more = tuple((plan.by[name][0], name) for name in MORE if name in held - {question})
    return RowPlan(
        plan.order, plan.by, plan.unknown, plan.own, plan.nested, shape, first, answer, tools, more
    )


def _own_keys(
    keys: tuple[str, ...], own: tuple[tuple[FieldName, str], ...]
) -> dict[str, FieldName]:
    found: dict[str, FieldName] = {}
    for name, key in own:
        if name not in OWN_MEANINGS:
            continue
        same = [each for each in keys if each == key]
        same = same or [each for each in keys if known_as(each) == known_as(key)]
        if same:
            found.setdefault(same[0], name)
    return found


def _rank(meaning: Meaning, key: str) -> int:
    names = FIELDS.get(meaning, ())
    name = known_as(key)
    return names.index(name) if name in names else len(names)


def _move_lone_letters(found: dict[Meaning, tuple[str, ...]], unknown: list[str]) -> None:
    """Treat `a` as a choice beside `b`, and `b` without `a` as unknown."""
    columns = found.get("choice_column", ())
    letters = [key for key in columns if len(key) == 1]
    answers = found.get("completion", ())
    first = next((key for key in answers if known_as(key) == "a"), None)
    if letters and first is not None:
        found["choice_column"] = (first, *columns)
        found["completion"] = tuple(key for key in answers if key != first)
    elif letters:
        found["choice_column"] = tuple(key for key in columns if key not in letters)
        unknown += letters
