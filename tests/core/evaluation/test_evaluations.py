"""What an evaluation is asked for comes back as it was written."""

import json
from dataclasses import replace

import pytest

from daemon.core.evaluation.evaluations import (
    EvaluationRequest,
    Questions,
    Subject,
    SuiteRun,
    pieces,
)
from daemon.core.evaluation.suites import SuiteItem
from daemon.core.evaluation.targets import Target
from daemon.core.rows.examples import Call, Turn
from daemon.core.rows.prefix import Prefix
from daemon.core.workspace.orders import EVALUATION, SWEEP, kind_of, name_of
from daemon.core.workspace.versions import AdapterSpec
from tests.core.suite_samples import suite

SPEC = AdapterSpec("lora", 8, 2.0, 0.0, 4, ("a",))
SUBJECTS = (
    Subject("base", "base"),
    Subject("answers.jsonl", "answers", "/x/answers.jsonl", "0" * 64, unknown=3),
    Subject("v000001", "version", "v000001", "1" * 64, SPEC, Prefix("brief", "Be brief.")),
)


def test_a_request_comes_back_equal() -> None:
    request = EvaluationRequest(
        "e000001",
        "2030-01-01T00:00:00+00:00",
        "title",
        {"model": "x"},
        {"name": "tiny"},
        SUBJECTS,
        5,
        (Target("*", "main", 0.5, True),),
        ("a note",),
    )
    assert EvaluationRequest.from_record(json.loads(json.dumps(request.as_record()))) == request
    assert request.versions == ("v000001",)
    with pytest.raises(ValueError, match="schema 2"):
        EvaluationRequest.from_record(request.as_record() | {"schema_version": 2})


def test_questions_come_back_equal_with_tools_and_calls() -> None:
    asked = suite("s", "a")
    turns = (
        Turn("user", "x"),
        Turn("assistant", "", True, (Call("f", '{"a":1}'),)),
        Turn("tool", "y"),
    )
    item = SuiteItem("b", 3, turns, ("z",), ('{"name": "f"}',), "hard", "group")
    questions = Questions(suite("s", "a"), 9)
    assert Questions.from_record(json.loads(json.dumps(questions.as_record()))) == questions
    rich = Questions(replace(asked, items=(item,)), 1)
    record = json.loads(json.dumps(rich.as_record()))
    assert Questions.from_record(record) == rich
    # Orders of before there were groups have none.
    del record["suite"]["items"][0]["group"]
    assert Questions.from_record(record).suite.items[0].group is None


def test_questions_that_were_asked_before_items_had_scorers_are_read() -> None:
    record = Questions(suite("s", "a"), 9).as_record()
    for item in record["suite"]["items"]:
        del item["scorer"]
    assert Questions.from_record(json.loads(json.dumps(record))) == Questions(suite("s", "a"), 9)


def test_models_answer_suite_by_suite_and_files_have_answered_already() -> None:
    assert list(pieces(SUBJECTS, 2)) == [
        SuiteRun(1, 0, 0),
        SuiteRun(2, 0, 2),
        SuiteRun(3, 1, 0),
        SuiteRun(4, 1, 2),
    ]


def test_an_orders_name_tells_its_kind() -> None:
    assert (kind_of("s000001"), kind_of("e1000000")) == (SWEEP, EVALUATION)
    assert name_of(EVALUATION, 7) == "e000007"
    arabic = "e" + "\u0660" * 6
    for other in ("v000001", "s1", "s000001x", "s000001\n", "known", "", arabic):
        assert kind_of(other) is None
