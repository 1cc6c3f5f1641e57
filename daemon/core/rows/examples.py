"""A training example in normal form (conversation or plain text), and its JSON form."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict, assert_never

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a tool by the model."""

    name: str
    arguments: str
    """A JSON object as text, its keys in their original order."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation."""

    role: Role
    content: str
    trained: bool = True
    """For answers: whether the loss counts on it."""
    calls: tuple[Call, ...] = ()
    reasoning: str = ""
    """The reasoning before an answer; the encoder puts it where the template expects it."""


@dataclass(frozen=True, slots=True)
class Chat:
    """A conversation that ends with an answer; the loss counts on every trained answer."""

    turns: tuple[Turn, ...]
    group: str | None = None
    tools: tuple[str, ...] = ()
    """The tools the model may call, each as the JSON text passed to the chat template."""
    cut: int = 0
    """More tokens than this are left out; 0 for none."""
    variant_of: str | None = None
    """The first question of the example that this one is a variant of."""
    by_row: bool = False
    """Its question is too frequent in its file to bind it to other rows."""


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text; the loss counts on every token."""

    text: str
    group: str | None = None
    cut: int = 0
    """More tokens than this are left out; 0 for none."""
    variant_of: str | None = None
    """The first question of the example that this one is a variant of."""
    by_row: bool = False
    """Its question is too frequent in its file to bind it to other rows."""


Example = Chat | Text


def to_record(example: Example) -> dict[str, object]:
    """Return the JSON form of an example in `train.jsonl` and `holdout.jsonl`."""
    match example:
        case Chat():
            record: dict[str, object] = {"messages": [_message(turn) for turn in example.turns]}
            if example.tools:
                record["tools"] = [json.loads(tool) for tool in example.tools]
        case Text():
            record = {"text": example.text}
        case _:
            assert_never(example)
    if example.group is not None:
        record["group"] = example.group
    if example.variant_of is not None:
        record["variant_of"] = example.variant_of
    if example.by_row:
        record["by_row"] = True
    if example.cut:
        record["cut"] = example.cut
    return record


def _message(turn: Turn) -> dict[str, object]:
    record: dict[str, object] = {"role": turn.role, "content": turn.content}
    if not turn.trained:
        record["weight"] = 0
    if turn.calls:
        record["tool_calls"] = [call_record(call) for call in turn.calls]
    if turn.reasoning:
        record["reasoning_content"] = turn.reasoning
    return record


def call_record(call: Call) -> dict[str, object]:
    """Return the JSON form of a call, in records and for chat templates."""
    function = {"name": call.name, "arguments": json.loads(call.arguments)}
    return {"type": "function", "function": function}


class CallForm(TypedDict):
    """A call in a row."""

    name: str
    arguments: object


class WrappedCall(TypedDict):
    """A call in a row, as OpenAI wraps it."""

    function: CallForm


class MessageForm(TypedDict, total=False):
    """A message in a row."""

    role: Role
    content: str
    weight: int
    tool_calls: Sequence[WrappedCall]
    reasoning_content: str


class RowForm(TypedDict, total=False):
    """A row of `train.jsonl` or `holdout.jsonl`."""

    messages: Sequence[MessageForm]
    text: str
    tools: Sequence[object]
    group: str | None
    variant_of: str | None
    by_row: bool
    cut: int
    half: str
    row: int
    line: int
    tokens: int
    supervised: int


def from_record(record: RowForm) -> Example:
    """Return the example of a JSON form made by `to_record`."""
    group, cut, original = record.get("group"), record.get("cut", 0), record.get("variant_of")
    by_row = record.get("by_row", False)
    if "messages" not in record:
        return Text(record["text"], group, cut, original, by_row)
    tools = tuple(map(compact, record.get("tools", ())))
    return Chat(tuple(map(_turn, record["messages"])), group, tools, cut, original, by_row)


def _turn(message: MessageForm) -> Turn:
    if len(message) == 2:
        return Turn(message["role"], message["content"])
    calls = (item["function"] for item in message.get("tool_calls", ()))
    return Turn(
        message["role"],
        message["content"],
        message.get("weight", 1) != 0,
        tuple(Call(call["name"], compact(call["arguments"])) for call in calls),
        message.get("reasoning_content", ""),
    )


def compact(value: object) -> str:
    """Return the JSON text of a value, its keys in their order, without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def prompt_of(example: Example) -> tuple[Turn, ...]:
    """Return the prompt, the turns before the last answer; empty for plain text."""
    return example.turns[:-1] if isinstance(example, Chat) else ()


def answer_of(example: Example) -> str:
    """Return the last answer, its calls as JSON where it has no text, or the whole plain text."""
    return turn_text(example.turns[-1]) if isinstance(example, Chat) else example.text


def first_question(example: Example) -> str:
    """Return the first turn of the user, without system text, or the whole plain text.

    Without a turn of the user, the system text is the question.
    """
    if isinstance(example, Text):
        return example.text
    questions = (turn.content for turn in example.turns if turn.role == "user")
    return next(questions, _without_user(example))


def last_question(example: Example) -> str:
    """Return the last turn of the user, or the plain text: how a person recognises a row."""
    if isinstance(example, Text):
        return example.text
    questions = (turn.content for turn in reversed(example.turns) if turn.role == "user")
    return next(questions, _without_user(example))


def _without_user(chat: Chat) -> str:
    return chat.turns[0].content if chat.turns and chat.turns[0].role == "system" else ""


def turn_text(turn: Turn) -> str:
    """Return a turn as text: its content and then its calls, one JSON object a line."""
    if not turn.calls:
        return turn.content
    calls = (
        f'{{"name":{json.dumps(call.name)},"arguments":{call.arguments}}}' for call in turn.calls
    )
    return "\n".join(filter(None, (turn.content, *calls)))
