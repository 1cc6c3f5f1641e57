"""What an evaluation is asked for comes back as it was written."""

import json
from dataclasses import replace

import pytest

from daemon.core.evaluation.evaluations import (
    EvaluationRequest,
    Questions,
    Subject,
    SuiteRun,
    suite_runs,
)
from daemon.core.evaluation.suites import SuiteItem
from daemon.core.evaluation.targets import Target
from daemon.core.records import NewerRecord, from_json_value, to_json_value
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
    record = json.loads(json.dumps(to_json_value(request)))
    assert from_json_value(record, EvaluationRequest) == request
    assert request.versions == ("v000001",)
    with pytest.raises(NewerRecord, match="schema 2"):
        from_json_value(to_json_value(request) | {"schema_version": 2}, EvaluationRequest)


def test_questions_come_back_equal_with_tools_and_calls() -> None:
    asked = suite("s", "a")
    turns = (
        Turn("user", "x"),
        Turn("assistant", "", True, (Call("f", '{"a":1}'),)),
        Turn("tool", "y"),
    )
    item = SuiteItem("b", 3, turns, ("z",), ('{"name": "f"}',), "hard", "group")
    questions = Questions(suite("s", "a"), of=9)
    assert from_json_value(json.loads(json.dumps(to_json_value(questions))), Questions) == questions
    rich = Questions(replace(asked, items=(item,)), of=1)
    record = json.loads(json.dumps(to_json_value(rich)))
    assert from_json_value(record, Questions) == rich
    # Orders of before there were groups have none.
    del record["suite"]["items"][0]["group"]
    assert from_json_value(record, Questions).suite.items[0].group is None


def test_questions_that_were_asked_before_items_had_scorers_are_read() -> None:
    record = to_json_value(Questions(suite("s", "a"), of=9))
    for item in record["suite"]["items"]:
        del item["scorer"]
    found = from_json_value(json.loads(json.dumps(record)), Questions)
    assert found == Questions(suite("s", "a"), of=9)


def test_models_answer_suite_by_suite_and_files_have_answered_already() -> None:
    assert list(suite_runs(SUBJECTS, 2)) == [
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
