"""The settings that ship for a Mac of 16 GB fit it, by the estimate."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.core.training.footprint import ModelShape, PassShape, estimate
from daemon.settings import Settings
from daemon.settings_file import parse_settings

GIB = 2**30
FOLDER = Path(__file__).resolve().parents[2] / "examples" / "settings"
USABLE = 16 * GIB * 2 // 3
"""What macOS recommends for the GPU of a machine of this size: two thirds, the lower figure."""

BF16 = ModelShape(28, 3072, 8192, 24, 8, 128, 128256, True, 2)
SHAPES = {"mac-16gb.toml": replace(BF16, bits=4), "mac-16gb-bf16.toml": BF16}


def settings_of(name: str) -> Settings:
    return parse_settings((FOLDER / name).read_text(encoding="utf-8"), name)


def need_of(name: str) -> int:
    training = settings_of(name).training
    width = max(training.pass_tokens or 0, training.max_row_tokens)
    work = PassShape(width, width, training.num_layers, training.rank, optimizer=training.optimizer)
    return estimate(SHAPES[name], work).total


def test_every_shipped_file_is_known_here() -> None:
    assert {path.name for path in FOLDER.glob("*.toml")} == set(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_a_shipped_file_is_the_usual_case(name: str) -> None:
    settings = settings_of(name)
    training = settings.training
    assert "Llama-3.2-3B" in settings.model and ("4bit" in settings.model) == (name[9] != "b")
    # One row at a time, eight to a step.
    assert (training.batch_rows, training.pass_tokens, training.max_row_tokens) == (8, 1024, 1024)
    assert training.num_layers == 12


@pytest.mark.parametrize("name", SHAPES)
def test_a_shipped_file_fits_and_says_by_how_much(name: str) -> None:
    need = need_of(name)
    assert need < USABLE
    said = [float(n) for n in re.findall(r"([\d.]+) GiB", (FOLDER / name).read_text())]
    assert said[:2] == [round(need / GIB, 1), round(USABLE / GIB, 1)]


ONE_ROW = PassShape(1024, 1024, adapted_layers=12, rank=8)
FOUR_BIT = SHAPES["mac-16gb.toml"]
TABLE: list[tuple[str, ModelShape, PassShape]] = [
    ("4-bit", FOUR_BIT, ONE_ROW),
    ("4-bit, all 28 layers", FOUR_BIT, replace(ONE_ROW, adapted_layers=-1)),
    ("4-bit, checkpointing", FOUR_BIT, replace(ONE_ROW, checkpoint=True)),
    ("bf16", BF16, ONE_ROW),
    ("bf16, `q_proj` and `v_proj`", BF16, replace(ONE_ROW, modules=("q_proj", "v_proj"))),
    ("bf16, checkpointing", BF16, replace(ONE_ROW, checkpoint=True)),
]


@pytest.mark.parametrize(("label", "shape", "work"), TABLE)
def test_the_table_in_the_docs_says_what_the_estimate_says(
    label: str, shape: ModelShape, work: PassShape
) -> None:
    need = estimate(shape, work)
    trained = need.adapter + need.moments + need.gradients
    kinds = (need.weights, trained, need.activations, need.logits, need.total)
    cells = " | ".join(f"{size / GIB:.1f}" for size in kinds)
    line = f"| {label} | {cells} | {(USABLE - need.total) / GIB:.1f} to spare |"
    assert line in (FOLDER.parents[1] / "docs" / "training.md").read_text(encoding="utf-8")
