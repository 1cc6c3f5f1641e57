"""A stranger recomputes every figure from the stored answers, to the last digit."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from daemon.clock import SystemClock
from daemon.core import messages as say
from daemon.core.evaluation.answers import Answer, AnswerLimits
from daemon.core.evaluation.suites import SuiteItem
from daemon.core.records import from_json_value, to_json_value
from daemon.core.rows.examples import Chat, Example, Turn
from daemon.core.training.plan import mix
from daemon.evaluation.bootstrap import interval
from daemon.evaluation.candidate_scores import compare_scores
from daemon.evaluation.paired import compare
from daemon.evaluation.scores.formatting import Habit
from daemon.evaluation.scores.score import ExpectedStyle, Score, score_answer, summarise
from daemon.evaluation.scoring import Interrupted, OnAnswer
from daemon.settings import Settings
from daemon.training.engine.stub import RehearsalEngine
from tests.evaluation.test_comparing import IDS, compared, paper
from tests.training.workspace import SETTINGS, make_workspace

Line = Mapping[str, Any]


class Guessing(RehearsalEngine):
    """Gives answers of which some are right, wholly or by a word; they depend on the prompt."""

    def answer(
        self,
        prompts: Sequence[Sequence[int]],
        limits: AnswerLimits,
        interrupted: Interrupted,
        on_answer: OnAnswer | None = None,
    ) -> list[Answer] | None:
        said = (crc32(repr(list(prompt)).encode()) for prompt in prompts)
        return [
            Answer(f"it is {n % 2}" + "\n- **indeed**" * (n % 5 == 0), 4, n % 89 / 89) for n in said
        ]


def scored(line: Line, said: Mapping[str, Any], wanted: ExpectedStyle | None = None) -> Score:
    """Score an answer of a line of details.jsonl again."""
    item = SuiteItem(
        line["id"],
        0,
        tuple(Turn(**turn) for turn in line["prompt"]),
        tuple(line["golden"]),
        tuple(line["tools"]),
        line["difficulty"],
    )
    return score_answer(line["scorer"], item, said["text"], wanted, said["confidence"])


def lines_of(text: str) -> list[Line]:
    return [json.loads(line) for line in text.splitlines()]


def as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def rows(count: int, topic: str) -> list[Example]:
    return [
        Chat((Turn("user", f"{topic} {number}"), Turn("assistant", f"it is {number % 2}")))
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a judged version."""
    engine = Guessing(SystemClock(), 0.0)
    workspace = make_workspace(tmp_path_factory.mktemp("judged") / "w", engine)
    workspace.add_job("000001-a", rows(200, "sum"), rows(40, "held"))
    evaluation = SETTINGS["evaluation"] | {
        "judge_samples": 12,
        "suites": ["general_100", "smart_home_calls_100"],
        "suite_items": 9,
    }
    workspace.ask_run("r000001", ["000001-a"], settings=SETTINGS | {"evaluation": evaluation})
    workspace.serve(engine, say.Train("r000001"))
    workspace.seal("r000001", "v000001")
    return workspace.layout.version("v000001")


def test_the_scores_of_a_judged_version_follow_from_its_stored_answers(judged: Path) -> None:
    """`length` needs the habits in report.json, `style` the answers themselves; else, nothing."""
    lines = lines_of((judged / "details.jsonl").read_text())
    report = json.loads((judged / "report.json").read_bytes())
    manifest = json.loads((judged / "manifest.json").read_bytes())
    habits = {
        kind: {key: from_json_value(one, Habit) for key, one in found.items()}
        for kind, found in report["habits"].items()
    }
    found: defaultdict[tuple[str, str], list[Score]] = defaultdict(list)
    for line in lines:
        own = line["job"] is not None
        habit = habits["jobs"][line["job"]] if own else habits["suites"][line["set"]]
        for model, said in line["answers"].items():
            score = scored(line, said, ExpectedStyle(habit))
            stored = {key: value for key, value in said["scores"].items() if key != "style"}
            assert dict(score.metrics) == stored
            assert list(score.failures) == said["failures"]
            found[line["set"], model].append(score)
    assert {name for name, _ in found} == {"own_holdout", "general_100", "smart_home_calls_100"}
    assert any(score.main == 1.0 for scores in found.values() for score in scores)
    for (name, model), scores in found.items():
        mine = as_json(to_json_value(summarise(scores)))
        for stored in (
            report["answers"][name]["models"][model],
            manifest["evaluations"]["answers"][name][model],
        ):
            stored["metrics"].pop("style", None)
            assert stored == mine, (name, model)
    right = sum(
        s.main == 1.0 for (_, m), all_of in found.items() if m == "candidate" for s in all_of
    )
    assert manifest["evaluations"]["exact_match"]["after"] == right
    for test in report["tests"]:
        if test["metric"] == "loss":
            continue
        sides = (found[test["name"], "candidate"], found[test["name"], test["against"]])
        pairs = [
            (m.metrics[test["metric"]], o.metrics[test["metric"]])
            for m, o in zip(*sides, strict=True)
        ]
        again = compare_scores(pairs)
        assert (again.items, again.mean_change, again.p_better, again.p_worse) == (
            test["items"],
            test["mean_change"],
            test["p_better"],
            test["p_worse"],
        )


def test_the_tables_of_a_comparison_follow_from_its_details() -> None:
    rows = [[2.0 + n % 5 / 7, 1 + n % 3] for n in range(20)]
    better = [[total * 0.75, tokens] for total, tokens in rows]
    first = paper([n % 2 == 0 for n in range(20)], losses=rows)
    second = paper([n % 3 > 0 for n in range(20)], losses=better)
    comparison = compared({(0, 0): first, (0, 1): second}, "a", "b")
    report = as_json(comparison.report("finished", ""))
    lines = lines_of("\n".join(map(json.dumps, comparison.details())))
    assert [line["id"] for line in lines] == list(IDS)
    sides: dict[str, list[Score]] = {}
    losses: dict[str, list[tuple[float, int]]] = {}
    for name in ("a", "b"):
        said = [line["answers"][name] for line in lines]
        sides[name] = [scored(line, one) for line, one in zip(lines, said, strict=True)]
        assert [dict(one.metrics) for one in sides[name]] == [one["scores"] for one in said]
        losses[name] = [(one["loss"][0], one["loss"][1]) for one in said]
        values = [one.metrics["exact_match"] for one in sides[name]]
        model = report["suites"][0]["models"][name]
        assert model["metrics"]["exact_match"]["mean"] == sum(values) / 20
        assert model["right"] == [sum(values), 20] == report["overall"][name]["right"]
    pairs = [
        (b.metrics["exact_match"], a.metrics["exact_match"])
        for b, a in zip(sides["b"], sides["a"], strict=True)
    ]
    seed, level = mix(Settings().training.seed, "bootstrap"), Settings().gate.level
    test = compare_scores(pairs)
    low, high = interval([(b, 1) for b, _ in pairs], [(a, 1) for _, a in pairs], 1.0 - level, seed)
    change = (sum(b for b, _ in pairs) - sum(a for _, a in pairs)) / 20
    for told in report["tests"]:
        assert (told["change"], told["low"], told["high"]) == (change, low, high)
        assert told["p"] == min(1.0, 2.0 * min(test.p_better, test.p_worse))
    nats = [sum(total for total, _ in losses[name]) for name in ("a", "b")]
    tokens = sum(count for _, count in losses["a"])
    of_a, of_b = (row for row in report["losses"] if row["suite"] == "lakes")
    assert (of_a["loss"], of_b["loss"]) == (nats[0] / tokens, nats[1] / tokens)
    new, old = ([total / n for total, n in losses[name]] for name in ("b", "a"))
    paired = compare(new, old)
    assert of_b["test"]["p"] == min(1.0, 2.0 * min(paired.p_better, paired.p_worse))
    assert of_b["test"]["change"] == (nats[1] - nats[0]) / tokens
    low, high = interval(losses["b"], losses["a"], 1.0 - level, seed)
    assert (of_b["test"]["low"], of_b["test"]["high"]) == (low, high)
