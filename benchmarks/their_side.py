"""Trains given rows with mlx-lm's own trainer; loads no other BLAS unless it is asked to.

What mlx-lm is given is the same for both: modules, layers, rank, scale, optimizer, rate, rows. It
keeps its own batches, its own loss and its own masks.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks import machine
from benchmarks.task import LEARNING_RATE, LONGEST_ROW, RANK, SCALE, Report, Task


def main(task_file: str) -> None:
    task = Task.read(task_file)
    blas = "as installed"
    if task.openblas:
        # Before MLX is first imported: the first definition of a symbol is the one that counts.
        from daemon.model.blas import load_blas

        blas = load_blas() or blas
    report = train(task)
    Report(**report, **machine.peaks(), **machine.facts(), blas=blas, dtype=task.dtype).write(
        task.report
    )


def train(task: Task) -> dict[str, Any]:
    """Let mlx-lm train, and note when each of its steps ends."""
    import numpy as np
    from mlx_lm.tuner import trainer
    from mlx_lm.tuner.datasets import CacheDataset, ChatDataset

    model, tokenizer, optimizer = prepared(task)
    rows = task.lines()
    data = CacheDataset(ChatDataset(rows, tokenizer, mask_prompt=True))
    steps = Steps(task.batch_rows)
    arguments = trainer.TrainingArgs(
        batch_size=task.batch_rows,
        iters=len(rows) // task.batch_rows * task.epochs,
        steps_per_report=1,
        steps_per_save=10**9,
        max_seq_length=LONGEST_ROW,
        adapter_file=_adapter_file(task),
    )
    np.random.seed(task.seed)
    machine.forget_peaks()
    steps.begin()
    trainer.train(
        model,
        optimizer,
        data,
        args=arguments,
        iterate_batches=steps.counting(trainer),
        training_callback=steps,
    )
    return steps.as_record()


def prepared(task: Task) -> tuple[Any, Any, Any]:
    """Return model with adapter, tokenizer and optimizer, set up as `mlx_lm.lora` does."""
    import mlx.core as mx
    import mlx.optimizers as optim
    from mlx_lm.tuner.utils import linear_to_lora_layers
    from mlx_lm.utils import load

    model, tokenizer = load(task.base)
    if task.dtype == "float32":
        model.set_dtype(mx.float32)
    mx.random.seed(task.seed)
    model.freeze()
    lora = {"rank": RANK, "scale": SCALE, "dropout": 0.0, "keys": list(task.keys)}
    linear_to_lora_layers(model, task.num_layers, lora)
    mx.eval(model.parameters())
    # Ours corrects the bias of young moments; left to its default, mlx-lm does not.
    return model, tokenizer, optim.AdamW(LEARNING_RATE, bias_correction=True, weight_decay=0.0)


def _adapter_file(task: Task) -> Path:
    folder = Path(task.adapters)
    folder.mkdir(parents=True)
    return folder / "adapters.safetensors"


class Steps:
    """Takes mlx-lm's reports, one a step."""

    def __init__(self, batch_rows: int) -> None:
        self._rows = batch_rows
        self._ends_s: list[float] = []
        self._losses: list[float] = []
        self._tokens: list[int] = []
        self._supervised: list[int] = []

    def begin(self) -> None:
        """Note when the first step begins."""
        self._ends_s = [perf_counter()]

    def counting(self, trainer: Any) -> Any:
        """Return mlx-lm's own batches, counted as they go by."""

        def batches(*args: Any, **kwargs: Any) -> Iterator[Any]:
            for batch, lengths in trainer.iterate_batches(*args, **kwargs):
                found = lengths.tolist()
                self._tokens.append(sum(length for _, length in found))
                # It also trains one token of padding after each row: that one is not counted.
                self._supervised.append(sum(length - start for start, length in found))
                yield batch, lengths

        return batches

    def on_train_loss_report(self, train_info: dict[str, Any]) -> None:
        """Take one report."""
        self._ends_s.append(perf_counter())
        self._losses.append(float(train_info["train_loss"]))

    def on_val_loss_report(self, val_info: dict[str, Any]) -> None:
        """Take what never comes: there is no validation."""

    def as_record(self) -> dict[str, Any]:
        """Return the lists of a report; a batch may have been drawn that was not trained."""
        begun = self._ends_s[:-1]
        taken = len(begun)
        return {
            "seconds": [end - begin for begin, end in zip(begun, self._ends_s[1:], strict=True)],
            "tokens": self._tokens[:taken],
            "supervised": self._supervised[:taken],
            "losses": self._losses,
        }


if __name__ == "__main__":
    main(sys.argv[1])
