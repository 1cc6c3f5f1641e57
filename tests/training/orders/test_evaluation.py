"""Evaluations with the rehearsal engine: one piece a request, and nothing lost but that."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.clock import SystemClock
from daemon.core import messages as say
from daemon.core.evaluation.answers import Answer, AnswerLimits
from daemon.core.evaluation.evaluations import EvaluationRequest, Questions, Subject
from daemon.core.evaluation.suites import Suite
from daemon.core.messages import Order, Report
from daemon.core.records import to_json_value
from daemon.core.rows.plain_form import PLAIN_FORM
from daemon.core.workspace.orders import EVALUATION, Header
from daemon.core.workspace.versions import AdapterSpec
from daemon.evaluation.questions import OFFER
from daemon.evaluation.scoring import Interrupted, OnAnswer
from daemon.evaluation.writing import ExpectedWriting
from daemon.folders.orders import evaluations, orders
from daemon.settings import Settings
from daemon.text.encoder import TextEncoder
from daemon.training.engine.stub import RehearsalEngine
from tests.core.suite_samples import suite
from tests.orders import result_of
from tests.training.workspace import SETTINGS, Workspace, make_workspace, silent

LAKES, SEAS = suite("lakes", "a", "b", "c"), suite("seas", "d")


class Counting(RehearsalEngine):
    """Counts what it is asked; tells so in its answers."""

    def __init__(self) -> None:
        super().__init__(SystemClock(), 0.0)
        self.asked = 0
        self.loads = 0
        self.prompts: list[tuple[int, ...]] = []

    def load(self, *words: Any) -> bool:
        self.loads += 1
        return super().load(*words)

    def answer(
        self,
        prompts: Sequence[Sequence[int]],
        limits: AnswerLimits,
        interrupted: Interrupted,
        on_answer: OnAnswer | None = None,
    ) -> list[Answer] | None:
        if interrupted():
            return None
        self.asked += len(prompts)
        self.prompts += map(tuple, prompts)
        answers = [Answer(f"answer {number}", 4) for number, _ in enumerate(prompts)]
        for place, answer in enumerate(answers):
            if on_answer is not None:
                on_answer(place, answer)
        return answers


@pytest.fixture
def engine() -> Counting:
    return Counting()


@pytest.fixture
def workspace(tmp_path: Path, engine: Counting) -> Workspace:
    return make_workspace(tmp_path / "w", engine)


def ask(workspace: Workspace, *subjects: Subject, lakes: Suite = LAKES) -> str:
    request = EvaluationRequest(
        "",
        "2030-01-01T00:00:00+00:00",
        "title",
        Settings.model_validate(SETTINGS).model_dump(mode="json"),
        to_json_value(workspace.facts),
        subjects or (Subject("base", "base"),),
        None,
    )
    asked = [Questions(one, of=len(one.items)) for one in (lakes, SEAS)]
    return orders.create(
        workspace.layout,
        EVALUATION,
        Header("", request.created_at, request.title),
        lambda built, name: evaluations.fill(
            built, replace(request, evaluation=name), asked, {}, ExpectedWriting()
        ),
    )


def again(report: Report) -> Sequence[Order]:
    return [say.CarryOut(report.order)] if isinstance(report, say.UnitEnded) else ()


def test_one_request_is_one_piece_and_the_last_one_is_the_result(
    workspace: Workspace, engine: Counting
) -> None:
    order = ask(workspace)
    first = workspace.serve(engine, say.CarryOut(order))
    assert first.kinds()[1] == "UnitBegun" and first.kinds()[-1] == "UnitEnded"
    place = workspace.layout.evaluation(order)
    assert evaluations.read_results(place, 0, 0) is not None
    assert evaluations.read_results(place, 1, 0) is None and result_of(place) is None
    rest = workspace.serve(engine, say.CarryOut(order), react=again)
    assert rest.kinds()[-1] == "OrderEnded" and engine.asked == 4
    result = result_of(place)
    assert result is not None and result["subjects"][0]["tokens"] == 4 * 5
    for name in evaluations.REPORTS:
        assert (place.folder / name).stat().st_size
    told = workspace.serve(engine, say.CarryOut(order))
    assert told.kinds() == ["Ready", "OrderEnded"] and engine.asked == 4


def test_the_golden_answers_have_losses_that_the_answers_do_not_change(
    workspace: Workspace, engine: Counting
) -> None:
    order = ask(workspace)
    workspace.serve(engine, say.CarryOut(order), react=again)
    report = evaluations.read_report(workspace.layout.evaluation(order))
    found = {one["suite"]: one for one in report["losses"]}
    assert {name: one["items"] for name, one in found.items()} == {"lakes": 3, "seas": 1, "all": 4}
    assert all((one["loss"] or 0.0) > 0.0 and one["test"] is None for one in found.values())
    assert report["subjects"][0]["unscored"] == 0


def test_each_subject_is_asked_in_the_plain_form_it_was_trained_in(
    workspace: Workspace, engine: Counting
) -> None:
    """The template of the base knows no tools; they are offered as the subject learned them."""
    tool = '{"type":"function","function":{"name":"lamp","parameters":{"type":"object"}}}'
    items = tuple(replace(item, tools=(tool,)) for item in LAKES.items)
    subjects = (Subject("base", "base"), Subject("new", "base", plain_form=PLAIN_FORM))
    order = ask(workspace, *subjects, lakes=replace(LAKES, items=items))
    workspace.serve(engine, say.CarryOut(order), react=again)
    texts = TextEncoder.load(workspace.layout.base(workspace.facts.name))
    asked = [text for text in map(texts.decode, engine.prompts) if "lamp" in text]
    assert len(asked) == 6
    assert [("<tools>" in text, OFFER in text) for text in asked] == (
        [(False, True)] * 3 + [(True, False)] * 3
    )


def test_what_was_answered_before_is_remembered_and_needs_no_model(
    workspace: Workspace, engine: Counting
) -> None:
    workspace.serve(engine, say.CarryOut(ask(workspace)), react=again)
    asked, loads = engine.asked, engine.loads
    other = ask(workspace)
    workspace.serve(engine, say.CarryOut(other), react=again)
    result = result_of(workspace.layout.order(other))
    assert result is not None and (engine.asked, engine.loads) == (asked, loads)
    (subject,) = result["subjects"]
    assert (subject["remembered"], subject["generated"]) == (4, 0)
    assert subject["tokens_per_s"] is None and subject["peak_bytes"] is None


def test_a_piece_that_is_left_begins_again(workspace: Workspace, engine: Counting) -> None:
    order = ask(workspace)

    def leave(report: Report) -> Sequence[Order]:
        return [say.Abandon()] if isinstance(report, say.UnitBegun) else ()

    left = workspace.serve(engine, say.CarryOut(order), react=leave)
    assert left.kinds()[-1] == "Abandoned" and "UnitEnded" not in left.kinds()
    place = workspace.layout.evaluation(order)
    assert evaluations.read_results(place, 0, 0) is None and not place.piece.exists()


def test_a_pause_holds_the_piece(workspace: Workspace, engine: Counting) -> None:
    order = ask(workspace)

    def pause(report: Report) -> Sequence[Order]:
        match report:
            case say.UnitBegun():
                return [say.Pause()]
            case say.Paused():
                return [say.Resume()]
        return ()

    kinds = workspace.serve(engine, say.CarryOut(order), react=pause).kinds()
    assert "Paused" in kinds and kinds[-1] == "UnitEnded"


def test_a_piece_that_killed_the_trainer_thrice_fails_by_itself(
    workspace: Workspace, engine: Counting
) -> None:
    order = ask(workspace)
    place = workspace.layout.evaluation(order)
    for _ in range(3):
        orders.begin_unit(place, 1)
    workspace.serve(engine, say.CarryOut(order), react=again)
    result = result_of(place)
    assert result is not None and "died 3 times" in result["subjects"][0]["failed"][0]
    assert list(result["suites"][0]["models"]) == []
    assert result["suites"][1]["models"]["base"]["items"] == 1


def test_an_adapter_that_changed_or_is_gone_fails_and_the_base_is_scored(
    workspace: Workspace, engine: Counting, tmp_path: Path
) -> None:
    spec = AdapterSpec("lora", 2, 2.0, 0.0, 16, ())
    changed = tmp_path / "changed"
    changed.mkdir()
    (changed / "adapters.safetensors").write_bytes(b"other")
    order = ask(
        workspace,
        Subject("base", "base"),
        Subject("changed", "adapter", str(changed), "0" * 64, spec),
        Subject("gone", "adapter", str(tmp_path / "gone"), "0" * 64, spec),
    )
    workspace.serve(engine, say.CarryOut(order), react=again)
    result = result_of(workspace.layout.order(order))
    assert result is not None
    base, first, second = result["subjects"]
    assert base["failed"] == []
    assert "has changed since the request" in first["failed"][0]
    assert "cannot be read" in second["failed"][0]
    assert result["overall"]["base"]["items"] == 4 and result["overall"]["changed"] is None


def test_a_skipped_one_ends_with_what_it_has(workspace: Workspace, engine: Counting) -> None:
    order = ask(workspace)
    workspace.serve(engine, say.CarryOut(order), react=silent)
    orders.Orders(workspace.layout).skip(order)
    workspace.serve(engine, say.CarryOut(order))
    result = result_of(workspace.layout.order(order))
    assert result is not None and result["outcome"] == "skipped"
    assert result["overall"]["base"]["items"] == 3 and result["suites"][1]["models"] == {}
