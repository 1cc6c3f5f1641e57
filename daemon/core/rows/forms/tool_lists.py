"""Reads the tools of a row: OpenAI's two forms, Anthropic's and Gemini's, as JSON or JSON text."""

from collections.abc import Mapping
from typing import Any

from daemon.core.records import JsonObject
from daemon.core.rows.examples import compact
from daemon.core.rows.forms.parts import decoded
from daemon.core.rows.refusal import Bad


def tools_in(found: Any) -> tuple[str, ...] | Bad:
    """Return the tools, each as the JSON text passed to the chat template."""
    if not found:
        return ()
    found = decoded(found) if isinstance(found, str) else found
    if isinstance(found, Mapping):
        found = [found]
    if not isinstance(found, list):
        return Bad("bad_tools", "'tools' is not a list of functions", TOOLS_HINT)
    tools: list[str] = []
    for number, tool in enumerate(found, 1):
        for whole in _declared(decoded(tool) if isinstance(tool, str) else tool):
            if whole is None:
                return Bad("bad_tools", f"tool {number} names no function", TOOLS_HINT)
            tools.append(compact(whole))
    return tuple(tools)


def _declared(tool: Any) -> list[JsonObject | None]:
    """Return the functions of one tool: OpenAI's two forms, Anthropic's, or Gemini's list."""
    if not isinstance(tool, dict):
        return [None]
    several = tool.get("functionDeclarations") or tool.get("function_declarations")
    if isinstance(several, list):
        return [whole for item in several for whole in _declared(item)]
    function = tool.get("function", tool)
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        return [None]
    if "function" in tool:
        return [tool]
    if "input_schema" in function:
        known = {key: function[key] for key in ("name", "description") if key in function}
        function = known | {"parameters": function["input_schema"]}
    elif function.get("type") == "function":
        function = {key: value for key, value in function.items() if key != "type"}
    return [{"type": "function", "function": function}]


def tools_of(row: Mapping[str, object]) -> tuple[str, ...] | Bad:
    """Return the tools of a row."""
    return tools_in(row.get("tools") or row.get("functions"))


TOOLS_HINT = 'write [{"type": "function", "function": {"name": "…", "parameters": {…}}}]'
