"""Which keys of a row are what, found once for all rows of one shape; reads no value."""

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
"""Names that hold a text in a row of a person's, and an object or a list in an export."""
MORE: tuple[Meaning, ...] = ("input", "context", "system")
"""What a pair may have besides, one key of each, to be read quickly."""


@dataclass(frozen=True)
class RowPlan:
    """The keys of a row by their meaning."""

    order: tuple[str, ...]
    by: Mapping[Meaning, tuple[str, ...]]
    unknown: tuple[str, ...]
    own: Mapping[str, FieldName]
    """Keys that a user named, with the known name of each."""
    nested: tuple[str, ...]
    """Keys that may hold an export."""
    shape: Shape = "other"
    """What the row is where its values are texts and plain messages."""
    first: str = ""
    """Of a shape, the key of the question, the messages or the text."""
    answer: str = ""
    tools: str = ""
    more: tuple[tuple[str, Meaning], ...] = ()
    _words: dict[int, tuple[str, Reading]] = field(default_factory=dict)

    def keys(self, meaning: Meaning) -> tuple[str, ...]:
        """Return the keys of a meaning, in the order in which they count."""
        return self.by.get(meaning, ())

    def title(self, key: str) -> str:
        """Return what a key is called in the name of a form."""
        return self.own.get(key) or known_as(key)

    @cached_property
    def metadata(self) -> tuple[str, ...]:
        """Keys that say nothing that could be learned."""
        return self.keys("metadata")

    @cached_property
    def is_task(self) -> bool:
        """The question says what is to be done with what stands behind it."""
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
        """Return form and reading of a conversation; `shares` where it is written as ShareGPT's."""
        place = 2 * shares + with_tools
        found = self._words.get(place)
        if found is None:
            used = (self.first, self.tools) if with_tools else (self.first,)
            keys = [key for key in self.order if key in used]
            found = self._words[place] = chat_form(self.first, shares), self.reading(keys, ())
        return found

    def reading(self, asked: "tuple[str, ...] | list[str]", said: tuple[str, ...]) -> Reading:
        """Return the reading of keys of which nothing else is to be said."""
        taken = " -> ".join(filter(None, (" + ".join(asked), " + ".join(said))))
        return Reading(taken, self.metadata)


def pair_form(asked: list[str], answer: str) -> str:
    """Return the name of the form of a question and its answer."""
    if answer == "output" and "instruction" in asked and set(asked) <= {"instruction", "input"}:
        return "alpaca"
    return f"{'+'.join(asked) or 'system'}/{answer}"


def chat_form(key: str, shares: bool) -> str:
    """Return the name of the form of a conversation."""
    named = known_as(key) in ("conversations", "conversation")
    return "sharegpt" if shares or named else "messages"


@lru_cache(4096)
def plan_of(keys: tuple[str, ...], own: tuple[tuple[FieldName, str], ...]) -> RowPlan:
    """Return what the keys of a row are; a user's own names go before the known ones."""
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
    """Return a plan with its shape, where all keys but those of metadata belong to one."""
    held = {meaning for meaning, keys in plan.by.items() if keys and meaning != "metadata"}
    single = all(len(plan.keys(meaning)) == 1 for meaning in held)
    if plan.unknown or not single:
        return plan
    asked: Meaning = "prompt" if "prompt" in held else "input"
    shape: Shape = "other"
    first = answer = tools = ""
    more: tuple[tuple[str, Meaning], ...] = ()
    if held == {"text"}:
        shape, first = "text", plan.by["text"][0]
    elif "messages" in held and held <= {"messages", "tools"}:
        shape, first = "chat", plan.by["messages"][0]
        tools = plan.by["tools"][0] if "tools" in held else ""
    elif {asked, "completion"} <= held and held <= {asked, "completion", *MORE}:
        shape, first, answer = "pair", plan.by[asked][0], plan.by["completion"][0]
        more = tuple((plan.by[name][0], name) for name in MORE if name in held - {asked})
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
    """Take `a` for a choice beside `b`, and `b` for nothing known without `a`."""
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
