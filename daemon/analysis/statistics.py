"""Statistics of a file's accepted rows, in constant memory."""

import re
from collections import Counter
from collections.abc import Sequence

import orjson

from daemon.analysis.histogram import Histogram
from daemon.analysis.shapes import PromptShapes
from daemon.core.records import JsonObject
from daemon.core.rows.examples import Chat, Example, answer_of
from daemon.core.workspace.jobs import escape

FORMATTING_CHARACTERS = 8192
"""Characters of an answer whose formatting is examined."""
LONGEST_JSON = 65536
LONGEST_LABEL = 40
MOST_LABELS = 50
LABELLED_SHARE = 0.9
"""Share of short answers from which a file is treated as one of labels."""
MOST_TURNS = 64

# Each begins with literal characters, which the engine finds many times faster.
STARS = re.compile(r"\*\*[^\s*][^*\n]*\*\*")
UNDERLINES = re.compile(r"__[^\s_][^_\n]*__")
LIST = re.compile(r"\n[ \t]{0,6}(?:[-*+•]|\d{1,3}[.)]) ")
HEADING = re.compile(r"\n#{1,6} \S")
TABLE = re.compile(r"\n[ \t]*\|?[ :]*-{2,}[ :]*\|")
TRAITS = ("bold", "lists", "headings", "code", "tables", "paragraphs", "json")


class Statistics:
    """Statistics over all rows of a file."""

    def __init__(self) -> None:
        names = ("prompt_characters", "answer_characters", "tokens", "supervised_tokens")
        self._spreads = {name: Histogram() for name in names}
        self._traits = dict.fromkeys(TRAITS, 0)
        self._turns: Counter[int] = Counter()
        self._shapes = PromptShapes()
        self._labels = Labels()
        self._rows = 0
        self._texts = 0
        self._system = 0
        self._tools = 0
        self._calls = 0

    def add(
        self, examples: Sequence[Example], tokens: Sequence[int], supervised: Sequence[int]
    ) -> None:
        """Count a batch of rows; the three sequences are parallel."""
        self._rows += len(examples)
        answers = [answer_of(example) for example in examples]
        for answer in answers:
            self._labels.add(answer)
            _count_traits(answer[:FORMATTING_CHARACTERS], answer, self._traits)
        prompts = [self._chat(e) for e in examples if isinstance(e, Chat)]
        self._texts += len(examples) - len(prompts)
        self._spreads["prompt_characters"].add(prompts)
        self._spreads["answer_characters"].add([len(answer) for answer in answers])
        self._spreads["tokens"].add(tokens)
        self._spreads["supervised_tokens"].add(supervised)

    def _chat(self, chat: Chat) -> int:
        """Count one conversation and return the length of its prompt, without system text."""
        size, system, called, question = 0, False, False, ""
        for turn in chat.turns[:-1]:
            if turn.role == "system":
                system = True
                continue
            size += len(turn.content)
            if turn.role == "user":
                question = turn.content
            elif turn.calls:
                called = True
        self._shapes.add(question)
        self._turns[min(len(chat.turns) - system, MOST_TURNS)] += 1
        self._system += system
        self._tools += bool(chat.tools)
        self._calls += called or bool(chat.turns[-1].calls)
        return size

    def as_record(self) -> JsonObject:
        """Return everything as JSON values, user text escaped and bounded."""
        rows = self._rows
        return {
            "rows": rows,
            **{name: spread.as_record() for name, spread in self._spreads.items()},
            "turns": {str(turns): n for turns, n in sorted(self._turns.items())},
            "plain_texts": self._texts,
            "formatting": {
                name: {"rows": n, "share": round(n / rows, 4) if rows else None}
                for name, n in self._traits.items()
            },
            "shapes": self._shapes.as_record(),
            "labels": self._labels.as_record(),
            "with_system_text": self._system,
            "with_tools": self._tools,
            "with_tool_calls": self._calls,
        }


class Labels:
    """The balance of answers that are labels."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._longer = 0

    def add(self, answer: str) -> None:
        """Count one answer."""
        if len(answer) > LONGEST_LABEL:
            self._longer += 1
        elif len(self._counts) <= MOST_LABELS:
            self._counts[answer] += 1

    def as_record(self) -> JsonObject:
        """Return the counts, the most frequent first, or null with the reason."""
        reason = self._reason()
        counts = None
        if reason is None:
            counts = [{"text": escape(t, 60), "count": n} for t, n in self._counts.most_common()]
        return {"counts": counts, "longer": self._longer, "reason": reason}

    def _reason(self) -> str | None:
        if len(self._counts) > MOST_LABELS:
            return f"more than {MOST_LABELS} different short answers"
        short = self._counts.total()
        if not short + self._longer:
            return "there are no answers"
        if short < LABELLED_SHARE * (short + self._longer):
            return f"too many answers are longer than {LONGEST_LABEL} characters"
        if short > 1 and len(self._counts) == short:
            return "no answer occurs twice"
        return None


def _count_traits(text: str, whole: str, counts: dict[str, int]) -> None:
    # A plain string search is many times faster than a pattern, and rules most answers out.
    lines = "\n" + text
    if STARS.search(text) or UNDERLINES.search(text):
        counts["bold"] += 1
    if LIST.search(lines):
        counts["lists"] += 1
    if "# " in text and HEADING.search(lines):
        counts["headings"] += 1
    if "`" in text:
        counts["code"] += 1
    if "|" in text and TABLE.search(text):
        counts["tables"] += 1
    if "\n\n" in text.strip():
        counts["paragraphs"] += 1
    if text[:1] in ("{", "[") and is_json(whole):
        counts["json"] += 1


def is_json(text: str) -> bool:
    """Whether a text of bounded length is a JSON object or array."""
    if len(text) > LONGEST_JSON:
        return False
    try:
        return isinstance(orjson.loads(text), dict | list)
    except ValueError:
        return False
