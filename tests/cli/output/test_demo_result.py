"""The end of the demo: what it counts and the line it prints."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from daemon.cli.commands.demo import find_example
from daemon.cli.output.demo_result import read_answers, right, show_result, usage
from daemon.core.evaluation.suites import SuiteItem
from daemon.core.rows.examples import Turn
from daemon.core.training.manifests import Manifest
from daemon.errors import UserFault
from daemon.evaluation.scores.score import score_answer
from daemon.layout import Layout
from tests.manifests import manifest, manifest_record

CALL = '{"name":"HassTurnOn","arguments":{"area":"attic"}}'
TAGGED = '<tool_call>\n{"arguments": {"area": "attic"}, "name": "HassTurnOn"}\n</tool_call>'


def answered(text: str) -> dict[str, Any]:
    item = SuiteItem("1", 0, (Turn("user", "x"),), (CALL,), scorer="calls")
    return {"text": text, "scores": score_answer("exact", item, text).metrics}


def asked(question: str, before: str, after: str) -> dict[str, Any]:
    return {
        "prompt": [{"role": "user", "content": question}],
        "golden": [CALL],
        "scorer": "calls",
        "answers": {"candidate": answered(after), "v000000": answered(before)},
    }


def sealed(layout: Layout) -> Manifest:
    folder = layout.version("v000001")
    folder.mkdir()
    answers = [asked("it's dark", "Hello!", TAGGED), asked("[b]x", "", "\x1b[2J")]
    (folder / "details.jsonl").write_text("".join(json.dumps(a) + "\n" for a in answers))
    record = manifest_record(verdict_reasons=["better"], step=47, job_ids=["000001-x"])
    (folder / "manifest.json").write_text(json.dumps(record))
    return manifest(**record)


def test_the_answers_before_and_after_are_counted(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed(layout)
    show_result(layout, "v000001")
    text = capsys.readouterr().out
    assert "Right answers: 0 of 2 before, 1 of 2 after (judged at step 47)." in text
    assert str(layout.version("v000001") / "adapters.safetensors") in text
    assert "\x1b[2J" not in text


def test_right_is_what_the_judgement_scored_as_right(layout: Layout) -> None:
    """The demo compared texts by itself: a right call in `<tool_call>` tags was counted wrong."""
    sealed(layout)
    first, second = read_answers(layout, "v000001")
    assert right(first, "after") and not right(first, "before")
    assert not right(second, "after") and not right(second, "before")


def test_the_line_for_mlx_lm_holds_the_prompt_and_its_system_text(layout: Layout) -> None:
    found = sealed(layout)
    job = layout.job("done", "000001-x")
    job.folder.mkdir()
    job.job_file.write_text("{}")
    turns = [
        {"role": "system", "content": "Answer with JSON."},
        {"role": "user", "content": "it's dark"},
        {"role": "assistant", "content": CALL},
    ]
    job.holdout.write_text(json.dumps({"row": 1, "messages": turns}) + "\n")
    words = shlex.split(usage(layout, found, read_answers(layout, "v000001")))
    assert words == [
        "mlx_lm.generate",
        "--model",
        str(layout.base("tiny")),
        "--adapter-path",
        str(layout.current_model),
        "--system-prompt",
        "Answer with JSON.",
        "--prompt",
        "it's dark",
    ]


def test_the_shipped_example_is_found_and_a_missing_one_is_named() -> None:
    assert isinstance(find_example("smart_home.jsonl"), Path)
    with pytest.raises(UserFault, match=r"gone\.jsonl"):
        find_example("gone.jsonl")
