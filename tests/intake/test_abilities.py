"""What the base's chat template leaves out of rows is written, or named as a file is read."""

from pathlib import Path
from typing import Any

from daemon.analysis.verdict import remarks
from daemon.core.rows.plain_form import PLAIN_FORM
from daemon.text.encoder import TextEncoder
from tests.intake.bench import Bench, codes, pair
from tests.text.test_abilities import STRICT
from tests.text.tiny_tokenizer import CHATML, GEMMA, write_tokenizer

TOOL: Any = {"type": "function", "function": {"name": "light", "parameters": {"type": "object"}}}
CALL = {"function": {"name": "light", "arguments": {"on": True}}}


def chat(number: int, *before: dict[str, Any], **answer: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": f"answer {number}"} | answer
    return {"messages": [*before, {"role": "user", "content": f"question {number}"}, said]}


def over(root: Path, template: str | None, left_out: str = "write") -> Bench:
    """Return a bench over a base with another template."""
    bench = Bench(root, f'[template]\nleft_out = "{left_out}"\n')
    folder = bench.layout.base("tiny")
    write_tokenizer(folder, template, eos="<|im_end|>")
    bench._encoder = TextEncoder.load(folder)
    return bench


def test_calls_that_the_template_leaves_out_are_written_and_told(tmp_path: Path) -> None:
    """They were trained with an empty answer: the model learned to say nothing."""
    bench = over(tmp_path, CHATML)
    rows = [chat(n, content=None, tool_calls=[CALL]) | {"tools": [TOOL]} for n in range(12)]
    report = bench.take_in(rows)
    assert report["verdict"] == "accepted" and not codes(report)
    assert report["fingerprints"]["plain_form"] == PLAIN_FORM
    (told,) = [said for said in remarks(report) if "leaves out" in said]
    assert "leaves out tools (12 row(s)) and tool calls (12 row(s)): they are written" in told
    assert all(row["supervised"] > 60 for row in bench.rows("train"))


def test_rows_of_which_something_would_be_left_out_are_refused_where_that_is_set(
    tmp_path: Path,
) -> None:
    bench = over(tmp_path, CHATML, "refuse")
    calls = [chat(n, content=None, tool_calls=[CALL]) for n in range(12)]
    tools = [chat(n) | {"tools": [TOOL]} for n in range(12, 15)]
    report = bench.take_in([*calls, *tools, *map(chat, range(20, 60))])
    assert codes(report) == {"calls_left_out": 12, "tools_left_out": 3}
    assert report["fingerprints"]["plain_form"] is None
    assert all("template.left_out" in reason["hint"] for reason in report["reasons"])
    assert not any("leaves out" in said for said in remarks(report))


def test_a_base_without_a_template_is_told_of_with_each_file(tmp_path: Path) -> None:
    report = over(tmp_path, None).take_in([pair(number) for number in range(12)])
    (told,) = [said for said in remarks(report) if "no chat template" in said]
    assert "line by line" in told and "(12 conversation(s))" in told


def test_system_texts_that_the_template_refuses_or_leaves_out_are_written(tmp_path: Path) -> None:
    """They were refused, or left out with a warning."""
    rows = [chat(n, {"role": "system", "content": "Be brief."}) for n in range(12)]
    silent = STRICT.replace("{{ raise_exception('no system') }}", "{% continue %}")
    for place, template in (("a", STRICT), ("b", silent)):
        bench = over(tmp_path / place, template)
        report = bench.take_in(rows)
        assert report["verdict"] == "accepted" and not codes(report)
        assert any("leaves out system texts (12 row(s))" in said for said in remarks(report))


def test_an_empty_result_of_a_tool_is_an_empty_text(tmp_path: Path) -> None:
    """Rows whose results were null or a list of parts were refused over the embedded model."""
    bench = over(tmp_path, GEMMA)
    rows = []
    for number, result in enumerate([None, [{"type": "text", "text": "ok"}]] * 8):
        asked = {"role": "user", "content": f"Close the blind of room {number}."}
        called = {"role": "assistant", "tool_calls": [CALL]}
        done = {"role": "assistant", "content": f"Done: {number}."}
        rows.append({"messages": [asked, called, {"role": "tool", "content": result}, done]})
    report = bench.take_in(rows)
    assert report["verdict"] == "accepted" and not codes(report)


def test_an_answer_that_is_cut_by_the_template_names_what_to_do(tmp_path: Path) -> None:
    cuts = CHATML.replace(
        "m['content']", "(m.tool_calls | string)[:200] if m.tool_calls else m['content']"
    )
    long = {"function": {"name": "f" * 300, "arguments": {}}}
    rows = [chat(1, content=None, tool_calls=[long]), *map(chat, range(2, 40))]
    report = over(tmp_path, cuts).take_in(rows)
    (reason,) = report["reasons"]
    assert reason["code"] == "answer_left_out" and "write calls into the text" in reason["hint"]
