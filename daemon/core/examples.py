"""What one training record is, once normalised; knows no file, no format it came from, no token."""

from dataclasses import dataclass
from typing import Literal, assert_never

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Chat:
    """A conversation that ends with an assistant turn; the loss counts on every assistant turn."""

    turns: tuple[Turn, ...]
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text; the loss counts on every token."""

    text: str
    group: str | None = None


Example = Chat | Text


def to_record(example: Example) -> dict[str, object]:
    """Return the JSON form an example has in `train.jsonl` and `holdout.jsonl`."""
    match example:
        case Chat(turns, group):
            record: dict[str, object] = {
                "messages": [{"role": turn.role, "content": turn.content} for turn in turns]
            }
        case Text(text, group):
            record = {"text": text}
        case _:
            assert_never(example)
    return record | ({"group": group} if group is not None else {})


def from_record(record: dict[str, object]) -> Example:
    """Return the example of a JSON form that `to_record` made."""
    group = record.get("group")
    assert group is None or isinstance(group, str)
    if "text" in record:
        return Text(str(record["text"]), group)
    messages = record["messages"]
    assert isinstance(messages, list)
    return Chat(tuple(Turn(item["role"], item["content"]) for item in messages), group)


def prompt_of(example: Example) -> tuple[Turn, ...]:
    """Return the turns before the last answer: what a model is asked; empty for plain text."""
    return example.turns[:-1] if isinstance(example, Chat) else ()


def answer_of(example: Example) -> str:
    """Return the last assistant turn, or the whole of a plain text."""
    return example.turns[-1].content if isinstance(example, Chat) else example.text
