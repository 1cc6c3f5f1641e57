"""Held-out tool calls are right wherever they are asked: in a run, at its end, in an audit."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from daemon.core import messages as say
from daemon.core.evaluation.answers import Answer, AnswerLimits
from daemon.core.evaluation.set_names import OWN
from daemon.core.records import from_json_value
from daemon.core.rows.examples import Call, Chat, Example, Turn
from daemon.core.rows.plain_form import PLAIN_FORM
from daemon.evaluation.scoring import Interrupted, OnAnswer
from daemon.training.engine.stub import RehearsalEngine
from daemon.training.records.choices import Choices
from tests.clocks import StillClock
from tests.training.workspace import SETTINGS, Workspace, make_workspace

JOB = "000001-blinds"
CALL = '{"name": "set_blind", "arguments": {"percent": 40, "room": "attic"}}'
SAID = f"<tool_call>\n{CALL}\n</tool_call>"
TOOL = (
    '{"type":"function","function":{"name":"set_blind","parameters":{"type":"object",'
    '"properties":{"room":{},"percent":{}}}}}'
)


class Calling(RehearsalEngine):
    """Answers everything with one call, as a base does whose template writes `<tool_call>`."""

    def answer(
        self,
        prompts: Sequence[Sequence[int]],
        limits: AnswerLimits,
        interrupted: Interrupted,
        on_answer: OnAnswer | None = None,
    ) -> list[Answer] | None:
        if interrupted():
            return None
        made = [Answer(SAID, 5) for _ in prompts]
        for place, one in enumerate(made):
            if on_answer is not None:
                on_answer(place, one)
        return made


def rows(count: int, topic: str) -> list[Example]:
    turn = Turn("assistant", "", calls=(Call("set_blind", '{"room":"attic","percent":40}'),))
    return [
        Chat((Turn("user", f"{topic} {number}"), turn), tools=(TOOL,)) for number in range(count)
    ]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = make_workspace(tmp_path / "w", RehearsalEngine(StillClock(), 0.0))
    made.add_job(JOB, rows(24, "close"), rows(12, "held"))
    return made


def train(workspace: Workspace) -> Any:
    evaluation = {**SETTINGS["evaluation"], "eval_every": 2, "samples": 4}
    workspace.ask_run("r000001", [JOB], settings={**SETTINGS, "evaluation": evaluation})
    return workspace.serve(Calling(StillClock(), 0.0), say.Train("r000001"))


def test_a_held_out_call_is_right_in_a_run_and_at_its_end(workspace: Workspace) -> None:
    """The call was held against its JSON as text: 0 of 1 right before and after."""
    pipe = train(workspace)
    samples = [
        sample
        for report in pipe.sent
        if isinstance(report, say.Evaluated)
        for sample in report.samples
    ]
    assert samples and all(sample.matches for sample in samples)
    place = workspace.layout.run("r000001")
    evaluations = workspace.read(place.draft)["evaluations"]
    exact = evaluations["exact_match"]
    assert exact["items"] == exact["before"] == exact["after"] > 0
    own = evaluations["answers"][OWN]["candidate"]
    assert own["main"]["mean"] == 1.0 and own["metrics"]["correct_call"]["mean"] == 1.0
    assert own["metrics"]["token_f1"]["mean"] == 1.0 and own["failures"] == {}
    details = (place.candidate / "details.jsonl").read_text().splitlines()
    assert {json.loads(line)["scorer"] for line in details} == {"calls"}


def test_a_held_out_call_is_right_among_the_probes(workspace: Workspace) -> None:
    """The record of how answers change said that the right call did not match."""
    train(workspace)
    evolution = workspace.layout.run("r000001").candidate / "evolution.jsonl"
    said = [json.loads(line) for line in evolution.read_text().splitlines()]
    assert said and all(one["matches"] and one["similarity"] == 1.0 for one in said)


def test_a_probe_that_is_a_whole_row_with_calls_is_right_as_a_call(workspace: Workspace) -> None:
    """A probe in the form of a training row was compared as words."""
    call = {"function": {"name": "set_blind", "arguments": {"room": "attic", "percent": 40}}}
    asked = [{"role": "user", "content": "close"}, {"role": "assistant", "tool_calls": [call]}]
    workspace.layout.evals.mkdir()
    probes = workspace.layout.evals / "probes.jsonl"
    answer = {"name": "set_blind", "arguments": {"percent": 40, "room": "attic"}}
    probes.write_text(
        f"{json.dumps({'messages': asked})}\n{json.dumps({'prompt': 'x', 'answer': answer})}\n"
    )
    train(workspace)
    evolution = workspace.layout.run("r000001").candidate / "evolution.jsonl"
    said = [json.loads(line) for line in evolution.read_text().splitlines()]
    assert {one["id"] for one in said} == {"1", "2"} and all(one["matches"] for one in said)


def test_what_the_template_leaves_out_is_learned_and_asked_in_the_form_of_the_file(
    workspace: Workspace,
) -> None:
    """The manifest names the form, so that the version is asked as it was taught."""
    plain = "000002-plain"
    workspace.add_job(plain, rows(24, "open"), rows(12, "kept"), plain_form=PLAIN_FORM)
    workspace.ask_run("r000001", [plain])
    workspace.serve(Calling(StillClock(), 0.0), say.Train("r000001"))
    place = workspace.layout.run("r000001")
    assert workspace.read(place.frozen)["plain_forms"] == {plain: PLAIN_FORM}
    draft = workspace.read(place.draft)
    assert draft["plain_form"] == PLAIN_FORM
    own = draft["evaluations"]["answers"][OWN]["candidate"]
    assert own["main"]["mean"] == 1.0 and own["metrics"]["token_f1"]["mean"] == 1.0
    lines = (place.candidate / "details.jsonl").read_text().splitlines()
    goldens = [golden for line in lines for golden in json.loads(line)["golden"]]
    assert goldens and all(golden.startswith("<tool_call>\n") for golden in goldens)


def test_a_run_of_before_there_was_a_form_has_none(workspace: Workspace) -> None:
    train(workspace)
    place = workspace.layout.run("r000001")
    assert workspace.read(place.draft)["plain_form"] is None
    record = workspace.read(place.frozen)
    del record["plain_forms"]
    assert from_json_value(record, Choices).plain_forms == {}
