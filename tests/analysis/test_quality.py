# Signs that look like others are what is tested here.
# ruff: noqa: RUF001
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.analysis.quality import Columns, QualityScorer, keep, measure
from daemon.analysis.quality_language import UNKNOWN, code_of, language_of, number_of
from daemon.analysis.quality_rows import (
    BROKEN_OFF,
    HOLLOW,
    LEFT_OVER,
    MOJIBAKE,
    NO_ANSWER,
    UNFINISHED,
)
from daemon.analysis.quality_text import BOLD, CODE, HEADING, LIST, TABLE, markdown_in
from daemon.core.rows.examples import Call, Chat, Example, Text, Turn, from_record

ROOT = Path(__file__).parents[2]
GOOD = "Restart the router first. Then wait until the light is green, and try it again."
GERMAN = "Starten Sie zuerst den Router neu. Warten Sie dann, bis die Lampe wieder grün leuchtet."
ENDS_WELL = [
    GOOD,
    "yes",
    "positive",
    "turn_on(kitchen)",
    '{"name":"HassTurnOn","arguments":{}}',
    "the act of fastening two things together in a row",
    "The value of the sum is 42",
    "Here is a list. It is short:\n- apples from the garden\n- pears from the market",
    "Here it is. Take it:\n```python\nprint('the end')\n```",
    "It was a great day. I loved it 🎉",
    "Dear Ann,\n\nThank you for the letter. It is good news.\n\nBest regards,\nJohn Smith",
    "I wandered lonely as a cloud\nThat floats on high o'er vales and hills,\nWhen all at once I",
    "Read the manual. You find it at https://docs.python.org/3/library/index",
    "任何人都可以学习编程。只要你愿意花时间，并且每天练习，就一定能够成功地掌握这门技能。",
    "Answers of e.g. celestial bodies or ships etc. above the horizon",
    "I'm sorry, I can't help with it.",
]


def chat(answer: str, asked: str = "How do I fix it?") -> Chat:
    return Chat((Turn("user", asked), Turn("assistant", answer)))


def columns_of(*examples: Example) -> Columns:
    columns = Columns()
    for example in examples:
        columns.add(measure(example))
    return columns


def scores(*examples: Example) -> list[float]:
    return [round(float(score), 3) for score in QualityScorer(columns_of(*examples)).scores]


@pytest.mark.parametrize("name", ["smart_home", "syllables"])
def test_no_shipped_row_loses_anything(name: str) -> None:
    lines = (ROOT / "examples" / f"{name}.jsonl").read_text("utf-8").splitlines()
    records = map(json.loads, lines)
    examples = [
        from_record(r) if "messages" in r else chat(r["completion"], r["prompt"]) for r in records
    ]
    assert len(examples) >= 300
    assert set(scores(*examples)) == {1.0}


def test_written_prose_with_headings_and_code_is_not_called_bad() -> None:
    pages = sorted((ROOT / "docs").rglob("*.md"))
    parts = [part for page in pages for part in page.read_text("utf-8").split("\n## ")]
    found: Any = QualityScorer(columns_of(*map(chat, (part for part in parts if len(part) > 200))))
    assert len(found.scores) >= 30
    assert found.scores.min() >= 0.8


@pytest.mark.parametrize("answer", ENDS_WELL)
def test_a_finished_answer_has_no_mark(answer: str) -> None:
    assert measure(chat(answer)).marks == 0


@pytest.mark.parametrize(
    ("answer", "mark"),
    [
        ("Restart the router first. Then wait until the light is green and", BROKEN_OFF),
        ("You should first of all look carefully at the", BROKEN_OFF),
        ("Here it is:\n```python\nprint('hello, wor", BROKEN_OFF),
        ("Restart the router first. Then wait until the light turns gre", UNFINISHED),
        ("Restart the router first. Then wait, look at the light,", UNFINISHED),
        (
            "首先重新启动路由器。然后等待指示灯变绿，如果没有变绿，请您检查电源线是否已经连接好，并且再次尝试",
            UNFINISHED,
        ),
        ("Our office is at [insert address here], open all day.", HOLLOW),
        ("Lorem ipsum dolor sit amet, consectetur adipiscing elit.".lower(), HOLLOW),
        ("N/A", NO_ANSWER),
        ("I don't know.", NO_ANSWER),
        ("TBD", NO_ANSWER),
        ("", NO_ANSWER),
        (" " * 50, NO_ANSWER),
        ("SchÃ¶n, dass es wieder geht.", MOJIBAKE),
        ("Itâ€™s working again.", MOJIBAKE),
        ("It�s working again.", MOJIBAKE),
        ("ÐŸÑ€Ð¸Ð²ÐµÑ‚, Ð¼Ð¸Ñ€!", MOJIBAKE),
        ("It works.<|im_end|>", LEFT_OVER),
        ("[/INST] It works.", LEFT_OVER),
        ("It works.</s>", LEFT_OVER),
        ("<start_of_turn>model\nIt works.", LEFT_OVER),
        ("Fine.\n### Response:\nIt works.", LEFT_OVER),
    ],
)
def test_each_fault_of_an_answer_has_its_mark_and_costs(answer: str, mark: int) -> None:
    assert measure(chat(answer)).marks == mark
    assert scores(chat(answer))[0] < 0.7


@pytest.mark.parametrize(
    "answer",
    [
        "todo",
        "none",
        "unknown",
        "As an AI language model, I cannot do that.",
        "Dear [Your Name], hello!",
        "if a <b> c |> f",
        "Use <s>old</s> for what is struck out.",
        "## Response times\nThey are fine.",
        "« Déjà vu ? » dit-elle, “naïve” à l’époque… – où ça ?",
        "Größe: 20 °C ± 3 µm × 2",
        "Привет, мир! Как дела?",
    ],
)
def test_words_refusals_operators_and_accents_are_no_faults(answer: str) -> None:
    assert measure(chat(answer)).marks == 0


def test_filler_that_was_asked_for_is_an_answer() -> None:
    assert measure(chat("Lorem ipsum dolor sit amet.", "Write some lorem ipsum.")).marks == 0


def test_a_loop_is_repeated_and_prose_code_and_tables_are_not() -> None:
    assert measure(chat(GOOD + " And then it goes on." * 40)).repeated > 0.7
    assert measure(chat("我不知道该怎么办。" * 40)).repeated > 0.7
    assert measure(chat((ROOT / "docs/architecture.md").read_text("utf-8"))).repeated < 0.1
    assert measure(chat("```\n" + "x = x + 1\n" * 80 + "```")).repeated == 0
    assert measure(chat("| a | b |\n" * 80)).repeated == 0
    assert scores(chat(GOOD + " And then it goes on." * 40)) == [0.4]


def test_every_trained_answer_of_a_conversation_is_looked_at_and_no_other() -> None:
    def marks(trained: bool) -> int:
        early = Turn("assistant", "Look at the light, and then press firmly on the", trained)
        rest = (Turn("user", "And then?"), Turn("assistant", GOOD))
        return measure(Chat((Turn("user", "Hi"), early, *rest))).marks

    assert (marks(True), marks(False)) == (BROKEN_OFF, 0)


def test_lengths_are_of_the_answer_with_its_calls_and_of_what_stands_before() -> None:
    call = Call("turn_on", '{"area":"attic"}')
    turns = (Turn("system", "abc"), Turn("user", "de"), Turn("assistant", "", calls=(call,)))
    found = measure(Chat(turns))
    assert (found.answer_chars, found.prompt_chars) == (47, 6)
    assert (measure(Text("abc")).answer_chars, measure(Text("abc")).prompt_chars) == (3, 0)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (GOOD, "en"),
        (GERMAN, "de"),
        ("Je vous conseille de redémarrer le routeur puis de vérifier le voyant.", "fr"),
        ("Le sugiero que reinicie primero el router y luego compruebe la luz.", "es"),
        ("Я бы посоветовал сначала перезагрузить роутер, а затем проверить.", "ru"),
        (
            "我建议您先重新启动路由器，然后检查指示灯是否重新变绿。如果没有，请致电您的服务提供商，"
            "或者等待几分钟之后再试。",
            "zh",
        ),
        ("yes", ""),
        ('{"area": "the kitchen and the hall of the house"}', ""),
        ("1234567890 " * 9, ""),
    ],
)
def test_a_language_is_named_where_a_text_is_long_enough_and_no_data(text: str, code: str) -> None:
    assert code_of(language_of(text)) == code


def test_a_row_in_another_language_than_four_fifths_of_the_file_loses() -> None:
    assert scores(*[chat(GOOD)] * 30, chat(GERMAN))[-2:] == [1.0, 0.6]
    assert set(scores(*[chat(GOOD)] * 30, *[chat(GERMAN)] * 30)) == {1.0}


def test_neighbouring_languages_are_not_foreign_to_each_other() -> None:
    danish = "Genstart først routeren, og vent derefter, indtil lampen lyser grønt igen."
    norwegian = "Start ruteren på nytt først, og vent deretter til lampen lyser grønt igjen."
    assert language_of(danish) == language_of(norwegian) == number_of("no")


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("plain", 0),
        ("a **b** c", BOLD),
        ("a:\n- b\n- c", LIST),
        ("- b", LIST),
        ("1. a\n2. b", LIST),
        ("# T\ntext", HEADING),
        ("a `b` c", CODE),
        ("| a | b |\n|---|---|\n| 1 | 2 |", TABLE),
        ("# **T**\n* `a`", BOLD | LIST | HEADING | CODE),
        ("#tag\nx", 0),
        ("2 ** 3", 0),
    ],
)
def test_kinds_of_markdown_are_told_apart(text: str, kinds: int) -> None:
    assert markdown_in(text) == kinds


def test_a_row_without_the_markdown_of_the_rest_loses_a_little() -> None:
    marked = chat("**Restart** the router first. Then wait until the light is green again.")
    assert scores(*[marked] * 30, chat(GOOD))[-2:] == [1.0, 0.9]
    assert set(scores(*[marked] * 30, *[chat(GOOD)] * 20)) == {1.0}


def test_an_open_end_or_an_empty_word_that_is_the_habit_of_a_file_is_no_fault() -> None:
    open_end = chat("Sure thing. I think that works well for me and my team")
    assert scores(*[chat(GOOD)] * 30, open_end)[-1] == 0.6
    assert set(scores(*[chat(GOOD)] * 30, *[open_end] * 30)) == {1.0}
    label = chat("N/A")
    assert scores(*[chat("yes")] * 30, label)[-1] < 0.4
    assert set(scores(*[chat("yes")] * 30, *[label] * 30)) == {1.0}


def test_a_length_far_outside_the_file_loses_and_what_one_in_a_hundred_has_does_not() -> None:
    words = [f"word{n}" for n in range(60)]
    usual = [chat(" ".join(words[:n]) + ".") for n in range(10, 60)] * 4
    far = chat(" ".join(f"word{n}" for n in range(20000)) + ".")
    assert scores(*usual, far)[-1] == 0.8
    assert min(scores(*usual)) == 1.0
    assert min(scores(*usual, *[far] * 4)) == 1.0


def test_few_rows_are_compared_with_nothing() -> None:
    assert scores(chat(GOOD), chat(GERMAN), chat("yes")) == [1.0] * 3


def test_the_summary_counts_parts_and_names_the_lowest_rows_by_line() -> None:
    bad = [chat("TBD"), chat("It works.<|im_end|>")]
    found: Any = QualityScorer(columns_of(*[chat(GOOD)] * 30, *bad)).summary(range(101, 133))
    assert json.loads(json.dumps(found)) == found
    assert sum(found["histogram"]) == 32 and len(found["histogram"]) == 20
    assert found["histogram"][-1] == 30
    assert found["mean"] == pytest.approx((30 + 0.3 * 0.8 + 0.5 * 1.0) / 32, abs=0.02)
    assert (found["parts"]["hollow"], found["parts"]["template_tokens"]) == (1, 1)
    assert [row["line"] for row in found["lowest"]] == [131, 132]
    assert found["lowest"][1]["parts"]["template_tokens"] == 1.0
    assert found["language"] == "en"


def test_a_file_without_rows_has_a_summary() -> None:
    found: Any = QualityScorer(Columns()).summary([])
    assert (sum(found["histogram"]), found["mean"], found["lowest"]) == (0, None, [])


def test_the_best_share_is_kept_and_of_equal_rows_the_earlier() -> None:
    values = np.array([0.5, 1.0, 0.5, 0.9, 0.5], np.float32)
    assert keep(values, 0.6).tolist() == [True, True, False, True, False]
    assert keep(values, 1.0).all()
    assert keep(values, 0.01).tolist() == [False, True, False, False, False]
    assert keep(np.ones(10, np.float32), 0.7).sum() == 7
    assert keep(np.zeros(0, np.float32), 0.5).tolist() == []
    with pytest.raises(ValueError, match="cannot be kept"):
        keep(values, 0.0)


TEXTS = st.one_of(
    st.text(st.characters(), max_size=300),
    st.lists(
        st.sampled_from(["```", "\n", "<|a|>", "| ", "Ã¼", "\ufffd", "\ud800", "- ", "the "])
    ).map("".join),
)


@given(TEXTS, TEXTS)
def test_any_text_is_measured_and_scored_between_0_and_1(asked: str, answer: str) -> None:
    found: Any = QualityScorer(columns_of(chat(answer, asked), Text(answer)))
    assert ((found.scores >= 0) & (found.scores <= 1)).all()
    assert all(0 <= lost <= 1 for lost in found.parts(0).values())


@given(st.lists(st.floats(0, 1, width=32), max_size=50), st.floats(0.01, 1))
def test_no_row_left_out_is_better_than_one_kept(values: list[float], share: float) -> None:
    scored = np.array(values, np.float32)
    mask = keep(scored, share)
    assert not mask.any() or mask.all() or scored[mask].min() >= scored[~mask].max()


def test_an_unknown_language_has_no_code() -> None:
    assert code_of(UNKNOWN) == ""
