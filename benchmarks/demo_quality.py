"""The demo's adapter beside that of `mlx_lm.lora`, given the same rows and epochs: which is better?

    python -m benchmarks.demo_quality [--seeds 2] [--only-theirs WORKSPACE]

Ours is what `finetuned demo` leaves in a workspace. Theirs is trained by mlx-lm's own command on
the very rows of that job, with the same modules, layers, rank, scale, optimizer, highest rate and
rows a step, in float32 with the same BLAS, after the same warm-up; its rate then falls along a
cosine, as is usual there. Both answer every hold-out row of the job, which neither was trained on.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import yaml

from benchmarks.task import LONGEST_ROW

ANSWER_TOKENS = 48


@dataclass(frozen=True)
class Place:
    """A workspace in which the demo has been run."""

    root: Path

    @property
    def version(self) -> Path:
        """The version that the demo trained."""
        return self.root / "models" / "versions" / "v000001"

    @property
    def manifest(self) -> dict[str, Any]:
        """What its manifest says."""
        record: dict[str, Any] = json.loads((self.version / "manifest.json").read_bytes())
        return record

    @property
    def base(self) -> Path:
        """The base model, as our side trains it."""
        return self.root / "models" / "base" / str(self.manifest["base"]["name"])

    @property
    def job(self) -> Path:
        """The job with the rows."""
        return self.root / "queue" / "done" / str(self.manifest["job_ids"][0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2, help="adapters of theirs")
    parser.add_argument("--only-theirs", type=Path, help="a workspace of the demo; else one is run")
    parser.add_argument("--train", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.train is not None:
        train(Path(asked.train[0]), Path(asked.train[1]))
        return
    with tempfile.TemporaryDirectory(prefix="finetuned-bench-") as folder:
        scratch = Path(folder)
        place = Place((asked.only_theirs or scratch / "demo").resolve())
        if asked.only_theirs is None:
            print(f"demo: {_timed('-m', 'daemon', 'demo', '--root', str(place.root)):.0f} s")
        print("| adapter | right answers | loss on the hold-out, nats per token |", flush=True)
        print("| --- | --- | --- |", flush=True)
        from benchmarks.demo_scores import Sheet

        sheet = Sheet(place.base, place.job / "holdout.jsonl", place.manifest, ANSWER_TOKENS)
        sheet.show("none", None)
        sheet.show("the demo's", place.version)
        for seed in range(asked.seeds):
            settings = their_settings(place, scratch / f"theirs-{seed}", seed)
            seconds = _timed("-m", "benchmarks.demo_quality", "--train", *settings)
            sheet.show(f"mlx_lm.lora's, seed {seed} ({seconds:.0f} s)", scratch / f"theirs-{seed}")


def _timed(*words: str) -> float:
    began_s = perf_counter()
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return perf_counter() - began_s


def their_settings(place: Place, adapters: Path, seed: int) -> tuple[str, str]:
    """Write mlx-lm's settings file and its rows; return the file and the adapter's directory."""
    manifest = place.manifest
    training = manifest["settings"]["training"]
    lines = (place.job / "train.jsonl").read_bytes().splitlines()
    data = adapters.with_name(f"{adapters.name}-rows")
    data.mkdir()
    rows = [{"messages": json.loads(line)["messages"]} for line in lines]
    (data / "train.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    steps = len(rows) // training["batch_rows"] * training["epochs"]
    config = json.loads((place.version / "adapter_config.json").read_bytes())
    rate, warmup = training["learning_rate"], training["warmup_steps"]
    optimizer = {"weight_decay": training["weight_decay"], "bias_correction": True}
    settings = {
        "model": str(place.base),
        "train": True,
        "data": str(data),
        "adapter_path": str(adapters),
        "optimizer": "adamw",
        "optimizer_config": {"adamw": optimizer},
        "learning_rate": rate,
        "lr_schedule": {
            "name": "cosine_decay",
            "arguments": [rate, max(1, steps - warmup), rate / 10],
            "warmup": warmup,
        },
        "num_layers": config["num_layers"],
        "batch_size": training["batch_rows"],
        "iters": steps,
        "mask_prompt": True,
        "max_seq_length": LONGEST_ROW,
        "seed": seed,
        "steps_per_eval": steps + 1,
        "val_batches": 0,
        "lora_parameters": config["lora_parameters"],
    }
    file = data / "settings.yaml"
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return str(file), str(adapters)


def train(settings: Path, adapters: Path) -> None:
    """Be mlx-lm's command, with the BLAS of this package."""
    adapters.mkdir(parents=True)
    from daemon.model.blas import load_blas

    load_blas()
    from mlx_lm import lora

    sys.argv = ["mlx_lm.lora", "--config", str(settings)]
    lora.main()


if __name__ == "__main__":
    main()
