"""Every row of a run is computed with the prefix of its file; versions are asked with their own."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from daemon.clock import SystemClock
from daemon.core import messages as say
from daemon.core.evaluation.answers import Answer, AnswerLimits
from daemon.core.records import to_json_value
from daemon.core.rows.examples import Chat, Example, Text, Turn
from daemon.core.rows.prefix import Prefix
from daemon.errors import RunFault
from daemon.evaluation.scoring import OnAnswer
from daemon.text.encoder import Encoded, TextEncoder
from daemon.training.data.rows import JobRows
from daemon.training.engine.protocol import EncodedPass, StepResult
from daemon.training.engine.stub import RehearsalEngine
from tests.training.workspace import SETTINGS, Workspace, chats, make_workspace

BRIEF, CURT = Prefix("brief", "Answer briefly."), Prefix("curt", "Be curt with everybody.")
JOB, NEXT = "000001-sums", "000002-more"


class Spy(RehearsalEngine):
    """Notes the text of all that is computed, by what it is computed for."""

    def __init__(self) -> None:
        super().__init__(SystemClock(), 0.0)
        self.trained: list[str] = []
        self.scored: list[tuple[Path | None, str]] = []
        self.asked: list[tuple[Path | None, str]] = []
        self.loaded: Path | None = None
        self.judging = False
        self._stepping = False
        self._text: TextEncoder | None = None

    def _spell(self, tokens: Sequence[int]) -> str:
        self._text = self._text or TextEncoder.load(self._base)
        return self._text.decode(tokens)

    def load_adapter(self, folder: Path | None) -> None:
        self.loaded, self.judging = folder, True
        super().load_adapter(folder)

    def step(
        self, passes: Sequence[EncodedPass], learning_rate: float, seed: int, *_: Any
    ) -> StepResult:
        for item in passes:
            assert all(sum(len(t.tokens) for t in row) <= item.width for row in item.rows)
            self.trained += [self._spell(text.tokens.tolist()) for text in item.texts]
        self._stepping = True
        found = super().step(passes, learning_rate, seed)
        self._stepping = False
        return found

    def losses(self, rows: Sequence[Encoded]) -> list[tuple[float, int]]:
        if not self._stepping:
            self.scored += [(self.loaded, self._spell(row.tokens.tolist())) for row in rows]
        return super().losses(rows)

    def answer(
        self,
        prompts: Sequence[Sequence[int]],
        limits: AnswerLimits,
        interrupted: Callable[[], bool],
        on_answer: OnAnswer | None = None,
    ) -> list[Answer] | None:
        self.asked += [(self.loaded, self._spell(prompt)) for prompt in prompts]
        return super().answer(prompts, limits, interrupted, on_answer)


def settings(**changes: Any) -> dict[str, Any]:
    return {**SETTINGS, "replay": {"share": 0.5, "most_share": 0.5}, **changes}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A first run with one prefix is sealed, a second with another one is asked for."""
    made = make_workspace(tmp_path / "w", RehearsalEngine(SystemClock(), 0.0))
    made.add_job(JOB, chats(16), chats(8, "held"), prefix=BRIEF)
    made.ask_run("r000001", [JOB], settings=settings())
    made.serve(RehearsalEngine(SystemClock(), 0.0), say.Train("r000001"))
    made.seal("r000001", "v000001")
    made.add_job(NEXT, [*chats(8, "more"), Text("plain words")], chats(8, "kept"), prefix=CURT)
    made.ask_run(
        "r000002",
        [NEXT],
        start="v000001",
        step=8,
        settings=settings(),
        lineage_jobs=[JOB],
        holdout_jobs=[JOB],
    )
    return made


def serve(workspace: Workspace, run: str) -> Spy:
    spy = Spy()
    pipe = workspace.serve(spy, say.Train(run))
    assert pipe.kinds()[-1] == "CandidateReady"
    return spy


def prefixes_of(texts: Sequence[str], topic: str) -> set[str | None]:
    """Return which prefixes stand before the texts that hold a word."""
    found: set[str | None] = set()
    for text in texts:
        if f"{topic} " in text:
            there = [prefix.name for prefix in (BRIEF, CURT) if prefix.text in text]
            found.add("+".join(there) or None)
    return found


def test_own_rows_are_trained_with_the_runs_prefix_and_replayed_ones_with_theirs(
    workspace: Workspace,
) -> None:
    trained = serve(workspace, "r000002").trained
    assert prefixes_of(trained, "more") == {"curt"}
    assert prefixes_of(trained, "sum") == {"brief"}
    assert prefixes_of(trained, "plain") == {None}


def test_evaluations_while_it_trains_ask_with_it(workspace: Workspace) -> None:
    spy = serve(workspace, "r000002")
    before = [text for loaded, text in spy.scored if loaded is None]
    asked = [text for loaded, text in spy.asked if loaded is None]
    assert prefixes_of(before, "kept") == prefixes_of(asked, "kept") == {"curt"}


def test_each_version_is_judged_with_the_prefix_it_was_trained_with(workspace: Workspace) -> None:
    spy = serve(workspace, "r000002")
    start = workspace.layout.version("v000001")
    for told in (spy.scored, spy.asked):
        by_start = [text for loaded, text in told if loaded == start]
        # What a candidate has answered at its last milestone is not asked again.
        by_candidate = [text for loaded, text in told if loaded != start]
        assert prefixes_of(by_start, "kept") == {"brief"}
        assert prefixes_of(by_candidate, "kept") == {"curt"}
    # Rows of an earlier file are asked for as they were taught, whoever is asked.
    judged = [text for loaded, text in spy.scored if loaded is not None]
    assert prefixes_of(judged, "held") == {"brief"}


def test_the_untouched_base_is_judged_without(workspace: Workspace) -> None:
    # The run repeats the first one: all of it is known.
    shutil.rmtree(workspace.layout.known_scores)
    workspace.ask_run("r000003", [JOB], settings=settings())
    spy = serve(workspace, "r000003")
    candidate = workspace.layout.run("r000003")
    mine = [text for loaded, text in spy.scored if loaded and candidate.folder in loaded.parents]
    assert prefixes_of(mine, "held") == {"brief"}
    assert None in prefixes_of([text for _, text in spy.scored], "held")


def test_the_manifest_holds_it_whole(workspace: Workspace) -> None:
    manifest = workspace.read(workspace.layout.version("v000001") / "manifest.json")
    assert manifest["prefix"] == {"name": "brief", "text": "Answer briefly."}
    base = workspace.read(workspace.layout.version("v000000") / "manifest.json")
    assert base["prefix"] is None


def test_a_frozen_run_goes_on_with_what_it_began_with(workspace: Workspace) -> None:
    serve(workspace, "r000002")
    frozen = workspace.read(workspace.layout.run("r000002").frozen)["prefixes"]
    assert frozen == {JOB: to_json_value(BRIEF), NEXT: to_json_value(CURT)}
    place = workspace.layout.run("r000002")
    report = workspace.layout.job("running", NEXT).report
    report.write_text('{"prefix": {"name": "loud", "text": "Shout."}}')
    for folder in (place.candidate, place.checkpoints):
        shutil.rmtree(folder)
    assert prefixes_of(serve(workspace, "r000002").trained, "more") == {"curt"}


def test_a_job_whose_report_is_gone_fails_with_the_way_out(workspace: Workspace) -> None:
    workspace.layout.job("running", NEXT).report.unlink()
    with pytest.raises(RunFault, match="finetuned retrain 000002-more"):
        JobRows(workspace.layout).prefix(NEXT)


def test_an_answer_that_was_cut_off_is_scored_as_far_for_everyone(workspace: Workspace) -> None:
    said = "it is a long answer, of which only the beginning is left"
    cut: list[Example] = [
        Chat((Turn("user", f"kept {number}"), Turn("assistant", said)), cut=45)
        for number in range(6)
    ]
    workspace.add_job("000003-cut", chats(8, "third"), cut, prefix=None)
    workspace.ask_run("r000003", ["000003-cut"], start="v000001", step=8, settings=settings())
    spy = serve(workspace, "r000003")
    start = workspace.layout.version("v000001")
    mine = {text.split("it is")[-1] for w, text in spy.scored if w != start and "kept" in text}
    its = {text.split("it is")[-1] for w, text in spy.scored if w == start and "kept" in text}
    assert mine == its and len(mine) == 1 and not said.endswith(mine.pop())
