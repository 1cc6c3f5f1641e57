"""Rows that the base's chat template cannot say are named when a file is read, not in a run."""

from pathlib import Path
from typing import Any

from daemon.analysis.verdict import remarks
from daemon.text.encoder import TextEncoder
from tests.intake.bench import Bench, codes, pair
from tests.text.test_abilities import STRICT
from tests.text.tiny_tokenizer import write_tokenizer

TOOL: Any = {"type": "function", "function": {"name": "light", "parameters": {"type": "object"}}}
CALL = {"function": {"name": "light", "arguments": {"on": True}}}


def chat(number: int, *before: dict[str, Any], **answer: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": f"answer {number}"} | answer
    return {"messages": [*before, {"role": "user", "content": f"question {number}"}, said]}


def over(root: Path, template: str | None) -> Bench:
    """Return a bench over a base with another template."""
    bench = Bench(root)
    folder = bench.layout.base("tiny")
    write_tokenizer(folder, template, eos="<|im_end|>")
    bench._encoder = TextEncoder.load(folder)
    return bench


def test_rows_whose_calls_the_template_leaves_out_are_refused(tmp_path: Path) -> None:
    """They were trained with an empty answer: the model learned to say nothing."""
    bench = Bench(tmp_path)
    report = bench.take_in([chat(n, content=None, tool_calls=[CALL]) for n in range(12)])
    assert report["verdict"] == "refused" and codes(report) == {"calls_left_out": 12}


def test_tools_that_the_template_does_not_show_are_warned_of(tmp_path: Path) -> None:
    report = Bench(tmp_path).take_in([chat(n) | {"tools": [TOOL]} for n in range(12)])
    assert report["verdict"] == "accepted"
    assert any("does not show the tools of 12 row(s)" in said for said in remarks(report))


def test_a_base_without_a_template_is_warned_of_with_each_file(tmp_path: Path) -> None:
    report = over(tmp_path, None).take_in([pair(number) for number in range(12)])
    assert any("has no chat template: 12 conversation(s)" in said for said in remarks(report))


def test_a_row_with_a_system_text_says_where_it_belongs_if_it_is_refused(tmp_path: Path) -> None:
    rows = [chat(n, {"role": "system", "content": "Be brief."}) for n in range(3)]
    report = over(tmp_path, STRICT).take_in([*rows, *map(chat, range(3, 40))])
    (reason,) = [r for r in report["reasons"] if r["code"] == "template_error"]
    assert reason["count"] == 3 and "put them into the first user turn" in reason["hint"]


def test_system_texts_that_the_template_leaves_out_are_warned_of(tmp_path: Path) -> None:
    rows = [chat(n, {"role": "system", "content": "Be brief."}) for n in range(12)]
    silent = STRICT.replace("{{ raise_exception('no system') }}", "{% continue %}")
    report = over(tmp_path, silent).take_in(rows)
    assert any("leaves out the system text of 12 row(s)" in said for said in remarks(report))
