"""Runs the command `mlx_lm.lora` as a user would, going on from an adapter; times nothing.

Whoever starts it times the whole process: a fresh start is part of what is compared.
"""

import sys
from pathlib import Path

import yaml

from benchmarks.task import LEARNING_RATE, LONGEST_ROW, RANK, SCALE, Task


def main(task_file: str) -> None:
    task = Task.read(task_file)
    if task.openblas:
        from daemon.model.blas import load_blas

        load_blas()
    from mlx_lm import lora

    scratch = Path(task.scratch)
    (scratch / "train.jsonl").write_bytes(Path(task.rows).read_bytes())
    settings = {
        "model": task.base,
        "train": True,
        "data": str(scratch),
        "adapter_path": task.adapters,
        "resume_adapter_file": task.resume,
        "optimizer": "adamw",
        "optimizer_config": {"adamw": {"weight_decay": 0.0, "bias_correction": True}},
        "learning_rate": LEARNING_RATE,
        "num_layers": task.num_layers,
        "batch_size": task.batch_rows,
        "iters": len(task.lines()) // task.batch_rows * task.epochs,
        "mask_prompt": True,
        "max_seq_length": LONGEST_ROW,
        "seed": task.seed,
        "lora_parameters": {
            "rank": RANK,
            "scale": SCALE,
            "dropout": 0.0,
            "keys": list(task.keys),
        },
    }
    file = scratch / "settings.yaml"
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    sys.argv = ["mlx_lm.lora", "--config", str(file)]
    lora.main()


if __name__ == "__main__":
    main(sys.argv[1])
