"""Finds the tool calls in an answer, in whatever form the model writes them.

With the reader that evaluation scores calls with: what counts there as a call is one for clients.
"""

import json
from collections.abc import Sequence

from daemon.core.rows.examples import Call
from daemon.evaluation.scores.call_forms import read_calls
from daemon.evaluation.scores.thoughts import without_thought


def calls_in(answer: str, tools: Sequence[str]) -> tuple[str, tuple[Call, ...]]:
    """Return the text of an answer and its calls; without calls it stays as it is.

    Calls without the marks that only calls have must name one of the `tools`.
    """
    reading = read_calls(answer, after_text=True)
    if not reading.calls:
        return answer, ()
    named = {json.loads(tool).get("function", {}).get("name") for tool in tools}
    if not reading.marked and any(call.name not in named for call in reading.calls):
        return answer, ()
    text = without_thought(answer)
    thought = answer.removesuffix(text) if text != answer else ""
    return f"{thought}{reading.text}".strip(), reading.as_turn.calls
