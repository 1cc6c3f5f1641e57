"""Write the tool-call suite from labelled utterances: the functions no shipped file trains.

The source is a JSONL file of `{"input", "call": {"name", "arguments"}}`; what ships was made from
4,000 utterances walked from Home Assistant's sentence templates (NOTICE). Templates are told apart
by function and names of arguments: none of those in `examples/smart_home.jsonl` is used. Each item
offers its function and four others.
"""

import argparse
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TRAINED = HERE.parent / "examples" / "smart_home.jsonl"
NAME = "smart_home_calls_100"
SEED = 20261121
ITEMS = 100
OTHERS = 4
FUNCTIONS = {
    "HassBroadcast": "Announce a message through every speaker.",
    "HassClimateGetTemperature": "Tell the current temperature of an area or thermostat.",
    "HassClimateSetFanMode": "Set the fan mode of a thermostat.",
    "HassFanSetSpeed": "Set the speed of a fan.",
    "HassGetCurrentDate": "Tell the current date.",
    "HassGetCurrentTime": "Tell the current time.",
    "HassListAddItem": "Add an item to a named list.",
    "HassListCompleteItem": "Check off an item on a named list.",
    "HassListRemoveItem": "Remove an item from a named list.",
    "HassLawnMowerDock": "Send a lawn mower back to its dock.",
    "HassLawnMowerStartMowing": "Let a lawn mower start to mow.",
    "HassMediaNext": "Skip to the next track.",
    "HassMediaPrevious": "Go back to the previous track.",
    "HassMediaPlayerMute": "Mute a media player.",
    "HassMediaPlayerUnmute": "Unmute a media player.",
    "HassSetPosition": "Set the position of a cover.",
    "HassSetVolumeRelative": "Turn the volume up or down, by a step in percent or 'up'/'down'.",
    "HassShoppingListCompleteItem": "Check off an item on the shopping list.",
    "HassVacuumCleanArea": "Let a vacuum cleaner clean an area.",
    "HassVacuumReturnToBase": "Send a vacuum cleaner back to its base.",
}
PARAMETERS = {
    "message": ("string", "The text to announce."),
    "area": ("string", "A room or part of the house, as it was said."),
    "floor": ("string", "A floor of the house, as it was said."),
    "name": ("string", "The device or list, as it was said."),
    "fan_mode": ("string", "The mode, as it was said."),
    "percentage": ("number", "Speed in percent."),
    "item": ("string", "The item, as it was said."),
    "position": ("number", "Position in percent; 100 is open."),
    "volume_step": (["number", "string"], "Percent up, or down where negative; or 'up', 'down'."),
}

Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("source", type=Path, help="the utterances, a JSONL file")
    source: Path = parser.parse_args().source
    lines = source.read_text(encoding="utf-8").splitlines()
    chosen = choose([json.loads(line) for line in lines])
    header = {
        "suite": NAME,
        "title": "Smart home calls",
        "task": "call the right one of five functions with the right arguments",
        "scorer": "calls",
        "answer_field": "answers",
        "difficulty": "medium",
        "licence": "Apache-2.0",
        "origin": "home-assistant-intents 2026.10.27, labels confirmed by hassil",
        "max_tokens": 64,
        "system": "Answer with the function call as JSON.",
    }
    written = [header, *(item(number, row) for number, row in enumerate(chosen, 1))]
    text = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in written)
    (HERE / f"{NAME}.jsonl").write_text(text, encoding="utf-8")


def template(call: Row) -> tuple[str, ...]:
    return (call["name"], *sorted(call["arguments"]))


def choose(rows: list[Row]) -> list[Row]:
    """Return the items: templates in turn, so that rare ones have their place too."""
    trained = {
        template(json.loads(json.loads(line)["messages"][-1]["content"]))
        for line in TRAINED.read_text(encoding="utf-8").splitlines()
    }
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in {row["input"]: row for row in rows}.values():
        call = row["call"]
        known = call["name"] in FUNCTIONS and set(call["arguments"]) <= set(PARAMETERS)
        if known and template(call) not in trained:
            groups[template(call)].append(row)
    order = random.Random(SEED)
    for _, group in sorted(groups.items()):
        order.shuffle(group)
    turns = max(map(len, groups.values()))
    dealt = [g[turn] for turn in range(turns) for _, g in sorted(groups.items()) if turn < len(g)]
    chosen = dealt[:ITEMS]
    order.shuffle(chosen)
    return chosen


def item(number: int, row: Row) -> Row:
    arguments = {name: _plain(value) for name, value in row["call"]["arguments"].items()}
    name = row["call"]["name"]
    order = random.Random(f"{SEED} {number}")
    offered = [name, *order.sample([other for other in FUNCTIONS if other != name], OTHERS)]
    order.shuffle(offered)
    return {
        "id": f"call-{number:03d}",
        "prompt": row["input"],
        "tools": [tool(each) for each in offered],
        "answers": {"name": name, "arguments": arguments},
        "difficulty": ("easy", "medium", "hard")[min(2, len(arguments))],
    }


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


TAKES = {
    "HassBroadcast": ("message",),
    "HassClimateGetTemperature": ("area", "name"),
    "HassClimateSetFanMode": ("area", "floor", "name", "fan_mode"),
    "HassFanSetSpeed": ("area", "floor", "name", "percentage"),
    "HassListAddItem": ("item", "name"),
    "HassListCompleteItem": ("item", "name"),
    "HassListRemoveItem": ("item", "name"),
    "HassLawnMowerDock": ("name",),
    "HassLawnMowerStartMowing": ("name",),
    "HassMediaNext": ("area", "name"),
    "HassMediaPrevious": ("area", "name"),
    "HassMediaPlayerMute": ("name",),
    "HassMediaPlayerUnmute": ("name",),
    "HassSetPosition": ("area", "floor", "name", "position"),
    "HassSetVolumeRelative": ("area", "floor", "name", "volume_step"),
    "HassShoppingListCompleteItem": ("item",),
    "HassVacuumCleanArea": ("area", "name"),
    "HassVacuumReturnToBase": ("area", "name"),
}


def tool(name: str) -> Row:
    """Return a function as chat templates are given it."""
    properties = {
        each: {"type": PARAMETERS[each][0], "description": PARAMETERS[each][1]}
        for each in TAKES.get(name, ())
    }
    parameters = {"type": "object", "properties": properties}
    function = {"name": name, "description": FUNCTIONS[name], "parameters": parameters}
    return {"type": "function", "function": function}


if __name__ == "__main__":
    main()
