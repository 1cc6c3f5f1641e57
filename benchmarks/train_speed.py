"""Training speed, side by side: this engine and `mlx_lm.lora` as installed, on the same rows."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROWS = HERE.parent / "examples" / "smart_home.jsonl"
MODEL = "smollm2-135m"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2, help="optimizer steps of each side")
    parser.add_argument("--rows", type=int, default=8, help="rows of a step")
    parser.add_argument("--layers", type=int, default=16, help="adapted layers, from the last")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="finetuned-bench-") as folder:
        task = prepare(Path(folder), chosen.steps, chosen.rows, chosen.layers)
        print(f"{chosen.steps} steps of {chosen.rows} rows, {MODEL} in fp32, the last "
              f"{chosen.layers} layers, rank {task['training']['rank']}")  # fmt: skip
        ours = json.loads(side("our_side.py", task))
        speed = ours["tokens"] / ours["seconds"]
        show("finetuned", speed, ours)
        side("their_side.py", task)
        theirs = json.loads(Path(task["their_report"]).read_text(encoding="utf-8"))
        their_speed = ours["tokens"] / theirs["seconds"]
        show("mlx_lm.lora", their_speed, theirs)
        print(f"ratio        {speed / their_speed:7.1f}")


def prepare(folder: Path, steps: int, rows: int, layers: int) -> dict[str, Any]:
    """Make model, rows and settings ready for both sides."""
    program = (
        "import json, sys; from pathlib import Path; from benchmarks.our_side import linear_names; "
        "from daemon.layout import Layout; from daemon.model.bases import prepare; "
        "layout = Layout(Path(sys.argv[1])); layout.bases.mkdir(parents=True); "
        f"base = layout.base(prepare(layout, {MODEL!r}).name); "
        "print(json.dumps([str(base), linear_names(base)]))"
    )
    base, keys = json.loads(run(["-c", program, str(folder)]).splitlines()[-1])
    data = folder / "data"
    data.mkdir()
    lines = ROWS.read_bytes().splitlines(keepends=True)[: steps * rows]
    (data / "train.jsonl").write_bytes(b"".join(lines))
    task = {
        "base": base, "keys": keys, "steps": steps, "data": str(data),
        "rows": str(data / "train.jsonl"), "adapters": str(folder / "adapters"),
        "their_report": str(folder / "theirs.json"), "file": str(folder / "task.json"),
        "training": {
            "rank": 16, "scale": 2.0, "num_layers": layers, "batch_rows": rows,
            "learning_rate": 5e-4, "optimizer": "adamw", "weight_decay": 0.0,
        },
    }  # fmt: skip
    Path(task["file"]).write_text(json.dumps(task), encoding="utf-8")
    return task


def side(name: str, task: dict[str, Any]) -> str:
    """Run one side in a process of its own, so that neither's libraries reach the other."""
    return run(["-m", f"benchmarks.{name.removesuffix('.py')}", task["file"]])


def run(arguments: list[str]) -> str:
    """Run Python in the checkout and return what it printed."""
    command = [sys.executable, *arguments]
    environment = {**os.environ, "TOKENIZERS_PARALLELISM": "true"}
    done = subprocess.run(
        command, cwd=HERE.parent, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(arguments[:2])[:80]} failed:\n{done.stderr[-3000:]}")
    return done.stdout


def show(name: str, speed: float, report: dict[str, Any]) -> None:
    """Print one side's line."""
    losses = " ".join(f"{loss:.2f}" for loss in report["losses"])
    print(f"{name:<12} {speed:7.1f} tokens/s   {report['seconds']:6.1f} s   losses {losses}",
          flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
