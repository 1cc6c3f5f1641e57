"""Times mlx-lm's own LoRA training on given rows; prints one JSON line; loads no other BLAS."""

import json
import sys
import time
import types
from pathlib import Path
from typing import Any

from mlx_lm.lora import CONFIG_DEFAULTS, train_model
from mlx_lm.tuner.datasets import load_dataset
from mlx_lm.tuner.trainer import TrainingCallback
from mlx_lm.utils import load


class Losses(TrainingCallback):  # type: ignore[misc]  # mlx-lm is not followed by the type checker
    """Keeps what mlx-lm reports."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_train_loss_report(self, train_info: dict[str, Any]) -> None:
        """Take one report."""
        self.seen.append(float(train_info["train_loss"]))


def main(task_file: str) -> None:
    task = json.loads(Path(task_file).read_text(encoding="utf-8"))
    arguments = types.SimpleNamespace(**CONFIG_DEFAULTS | settings(task))
    model, tokenizer = load(task["base"])
    rows, _, _ = load_dataset(arguments, tokenizer)
    losses = Losses()
    began_s = time.perf_counter()
    train_model(arguments, model, rows, [], losses)
    seconds = time.perf_counter() - began_s
    Path(task["their_report"]).write_text(
        json.dumps({"seconds": seconds, "steps": arguments.iters, "losses": losses.seen})
    )


def settings(task: dict[str, Any]) -> dict[str, Any]:
    """Return the same settings in mlx-lm's words."""
    training = task["training"]
    return {
        "model": task["base"],
        "train": True,
        "data": task["data"],
        "adapter_path": task["adapters"],
        "optimizer": training["optimizer"],
        "optimizer_config": {training["optimizer"]: {"weight_decay": training["weight_decay"]}},
        "learning_rate": training["learning_rate"],
        "num_layers": training["num_layers"],
        "batch_size": training["batch_rows"],
        "iters": task["steps"],
        "steps_per_report": 1,
        "mask_prompt": True,
        "max_seq_length": 1024,
        "lora_parameters": {
            "rank": training["rank"],
            "scale": training["scale"],
            "dropout": 0.0,
            "keys": task["keys"],
        },
    }


if __name__ == "__main__":
    main(sys.argv[1])
