"""No item of a suite is trained on, and no shipped training row is an item."""

import importlib.util
import json
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from daemon.core.evaluation.suites import Suite
from daemon.core.rows.examples import Chat, Turn, to_record
from daemon.folders.suites import discover
from tests.intake.bench import Bench, codes

ROOT = Path(__file__).resolve().parents[2]
SHIPPED: list[Suite] = [file.suite for file in discover(ROOT / "evals") if file.suite is not None]


def script(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    # Each byte is a token here, and the tools of an item stand in its text.
    return Bench(tmp_path, "[training]\nmax_row_tokens = 4096\n")


def test_every_shipped_suite_is_fit_and_has_a_hundred_items() -> None:
    assert len(SHIPPED) == 6
    assert all(len(suite.items) == 100 for suite in SHIPPED)
    assert all(item.answers for suite in SHIPPED for item in suite.items)
    page = (ROOT / "evals" / "README.md").read_text()
    for suite in SHIPPED:
        assert f"| `{suite.name}.jsonl` | 100 |" in page and suite.licence in page


def asked(suite: Suite) -> list[Any]:
    """Return a suite's items as somebody would train them."""
    return [
        to_record(Chat((*item.messages, Turn("assistant", item.answers[0])), tools=item.tools))
        for item in suite.items
    ]


def test_rows_of_a_shipped_suite_are_refused_by_its_name(bench: Bench) -> None:
    for suite in SHIPPED:
        rows = asked(suite)
        # Without the system text and with small edits they are items all the same.
        for row in rows[::3]:
            row["messages"] = row["messages"][-2:]
            question = row["messages"][0]
            question["content"] = question["content"].lower().rstrip("?") + " !"
        report = bench.take_in([*rows, {"prompt": "why is moss green", "completion": "It is."}])
        refused = bench.rows("rejected")
        assert codes(report) == {"exam_row": 100}, suite.name
        assert {row["of"]["job"] for row in refused} == {f"evals/{suite.name}.jsonl"}
        assert report["rows"]["train"] == 1


def test_short_items_are_refused_however_they_are_put(bench: Bench) -> None:
    (general,) = (suite for suite in SHIPPED if suite.name == "general_100")
    told = ("Please: {}", "hi, could you tell me {} thanks!", "  {}   ??", "Quick question - {}")
    rows: list[Any] = []
    for row, words in product(asked(general)[::5], told):
        question = row["messages"][-2]["content"].upper().rstrip("?")
        turn = {"role": "user", "content": words.format(question)}
        rows.append({"messages": [turn, {"role": "assistant", "content": "I do not know."}]})
    rows.append({"prompt": "please, why is moss green", "completion": "It is."})
    report = bench.take_in(rows)
    assert codes(report) == {"exam_row": 80} and report["rows"]["train"] == 1


def test_shipped_examples_are_no_items(bench: Bench) -> None:
    for path in sorted((ROOT / "examples").glob("*.jsonl")):
        assert "exam_row" not in codes(bench.take_in(path.read_bytes())), path.name


def test_training_files_of_syllables_are_no_items_and_lose_little(bench: Bench) -> None:
    made = script("examples/make_syllables.py").rows("all", 1500, 3)
    report = bench.take_in("".join(made).encode())
    assert report["rows"]["train"] + report["rows"]["holdout"] > 1400
    assert "exam_row" not in codes(report)


def test_a_broken_suite_is_told_in_the_report_and_guarded_where_it_can_be_read(
    bench: Bench,
) -> None:
    bench.layout.evals.mkdir()
    path = bench.layout.evals / "moss.jsonl"
    path.write_text('{"prompt": "why is moss green", "answers": "so"}\n{"nothing": 1}\n')
    rows = [
        {"prompt": "why is moss green", "completion": "so"},
        *({"prompt": f"what is {n} plus {n}", "completion": "x"} for n in range(2)),
    ]
    report = bench.take_in(rows)
    assert codes(report)["exam_row"] == 1
    warnings = "\n".join(report["warnings"])
    assert "evals/moss.jsonl, line 1: the file has no header" in warnings
    assert "evals/moss.jsonl, line 2: the item has no question" in warnings


def words() -> tuple[list[str], list[str]]:
    """Return the words of the suites, and all words that are trained or free to be."""
    items = [i.answers[0] for s in SHIPPED if s.name.startswith("syllo") for i in s.items]
    rows = (ROOT / "examples" / "syllables.jsonl").read_text().splitlines()
    free = (ROOT / "examples" / "words" / "syllables.tsv").read_text().splitlines()
    trained = [json.loads(row)["completion"] for row in rows]
    return items, trained + [line.split("\t")[1].replace("/", "") for line in free]


ENDINGS = (
    "ation",
    "ition",
    "ing",
    "ment",
    "ness",
    "er",
    "or",
    "ly",
    "ity",
    "able",
    "ion",
    "s",
    "y",
)


def stem(word: str) -> str:
    ending = next((ending for ending in ENDINGS if word.endswith(ending)), "")
    return word.removesuffix(ending)


def test_no_word_of_a_suite_nor_of_its_family_is_trained() -> None:
    items, trained = words()
    assert len(set(items)) == 300 and len(trained) > 3000
    begins = {word[:5] for word in items}
    assert not [word for word in trained if word[:5] in begins]
    assert not {word for word in trained if stem(word) in set(map(stem, items))}


def test_the_tiles_of_a_puzzle_make_its_word_and_lie_in_another_order() -> None:
    for suite in SHIPPED:
        if suite.name.startswith("syllo"):
            for item in suite.items:
                tiles = item.messages[0].content.split("Syllables: ")[1].split("\n")[0].split(" / ")
                word = item.answers[0]
                assert sorted("".join(tiles)) == sorted(word) and "".join(tiles) != word


def test_calls_use_no_template_that_is_trained() -> None:
    rows = (ROOT / "examples" / "smart_home.jsonl").read_text().splitlines()
    calls = [json.loads(json.loads(row)["messages"][-1]["content"]) for row in rows]
    trained = {(call["name"], *sorted(call["arguments"])) for call in calls}
    suite = next(suite for suite in SHIPPED if suite.scorer == "calls")
    for item in suite.items:
        call = json.loads(item.answers[0])
        assert (call["name"], *sorted(call["arguments"])) not in trained
        tools = {json.loads(tool)["function"]["name"]: json.loads(tool) for tool in item.tools}
        assert len(tools) == 5
        known = tools[call["name"]]["function"]["parameters"]["properties"]
        assert set(call["arguments"]) <= set(known)


def test_the_extraction_suite_is_what_its_script_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = script("evals/make_records.py")
    monkeypatch.setattr(module, "HERE", tmp_path)
    module.main()
    name = "records_100.jsonl"
    assert (tmp_path / name).read_bytes() == (ROOT / "evals" / name).read_bytes()


def test_a_training_file_has_each_word_once_and_is_the_same_for_a_seed() -> None:
    rows = script("examples/make_syllables.py").rows
    made = [json.loads(line) for line in rows("hard", 400, 5)]
    assert len({row["completion"] for row in made}) == 400
    assert rows("hard", 400, 5) == rows("hard", 400, 5) != rows("hard", 400, 6)
    for bad in (0, 10**6):
        with pytest.raises(ValueError, match="--rows is"):
            rows("hard", bad, 1)
