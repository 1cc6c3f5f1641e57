"""The benchmark of long streams: its exam rows, and the losses that it scores them with."""

import random
from pathlib import Path

import pytest

from benchmarks.adapter_losses import AdapterLosses
from benchmarks.real_rows import Row
from benchmarks.streams import STREAMS, FileEnd, Unit, contradicting, report
from daemon.core.workspace.versions import AdapterSpec
from daemon.layout import Layout
from daemon.settings import TrainingSettings
from daemon.text.encoder import Encoded, TextEncoder
from daemon.training.engine.protocol import ADAPTER
from tests.training.tiny_llama import TinyEngine
from tests.training.workspace import chats

SPEC = AdapterSpec("lora", 4, 2.0, 0.0, 1, ())


def question(row: Row) -> str:
    return str(row["messages"][-2]["content"])


@pytest.mark.parametrize("name", STREAMS)
def test_no_row_of_a_stream_is_on_its_exams(name: str) -> None:
    files = STREAMS[name](random.Random(1), 10)
    assert len(files) == 10
    trained = {question(row) for file in files for row in file.rows}
    for file in files:
        assert len(file.rows) >= 30 and len(file.exam) >= 9
        assert not trained & {question(row) for row in file.exam}


def test_exam_rows_have_the_answers_in_force_after_a_correction() -> None:
    first, second, *_ = contradicting(random.Random(1), 10)
    old = {question(row): row for row in first.rows}
    again = [row for row in second.rows if question(row) in old]
    assert again and all(row != old[question(row)] for row in again)
    forms = {'{"call"' in str(row["messages"][-1]["content"]) for row in again}
    assert forms == {True}
    for file in (first, second):
        assert any('{"call"' in str(row["messages"][-1]["content"]) for row in file.exam)


def test_losses_from_shared_states_are_those_of_the_engine(tmp_path: Path) -> None:
    engine, layout = TinyEngine(), Layout(tmp_path)
    base = layout.base(engine.prepare(layout, "tiny").name)
    rows = TextEncoder.load(base).encode(chats(21), 512)
    encoded = [row for row in rows if isinstance(row, Encoded)]
    training = TrainingSettings(row_tokens=256, pass_tokens=256)
    engine.load(base, SPEC, training, None, 5, tmp_path, None)
    engine.save(tmp_path)
    scorer = AdapterLosses(base, SPEC, {"a": encoded[:20], "b": encoded[20:]})
    for folder in (None, tmp_path):
        engine.load_adapter(folder)
        found = scorer.of(None if folder is None else folder / ADAPTER, ["a", "b"])
        for name, its in (("a", encoded[:20]), ("b", encoded[20:])):
            scored = engine.losses(its)
            expected = sum(total for total, _ in scored) / sum(count for _, count in scored)
            assert found[name] == pytest.approx(expected, abs=1e-4)


def test_a_file_is_within_by_the_larger_of_the_two_tolerances() -> None:
    ends = (
        FileEnd("00", True, 4.0, 1.0, 1.29),
        FileEnd("01", True, 4.0, 3.8, 3.84),
        FileEnd("02", True, 4.0, 3.8, 3.86),
    )
    _, _, line = report([Unit("alternating", "daemon", 1, 60.0, ends)])
    assert "| 3 of 3 | +0.290 | 2 of 3 |" in line
