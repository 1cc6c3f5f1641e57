"""Answers for a judgement beside `mlx_lm.generate`, one question after another.

    python -m benchmarks.judge_speed [--items 200] [--tokens 32] [--rounds 2]

Both sides run in turn, each in a process of its own, with the same questions, the same OpenBLAS and
the same float32 model; loading is not timed. Every answer has to come out the same, but for the few
where two words are equally likely within rounding.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.real_rows import short_chats

SAME = 0.95
"""Least share of equal answers."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--base", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side is not None:
        answer(asked.side, asked.base, asked.items, asked.tokens)
        return
    with tempfile.TemporaryDirectory(prefix="finetuned-bench-") as folder:
        base = _prepared(Path(folder))
        found: dict[str, list[dict[str, Any]]] = {"ours": [], "theirs": []}
        for _ in range(asked.rounds):
            for side, reports in found.items():
                reports.append(_run(side, base, asked.items, asked.tokens))
    speeds = {
        side: statistics.median(report["tokens"] / report["seconds"] for report in reports)
        for side, reports in found.items()
    }
    pairs = list(zip(found["ours"][0]["texts"], found["theirs"][0]["texts"], strict=True))
    same = sum(mine == its for mine, its in pairs) / len(pairs)
    print(f"{asked.items} questions, {asked.tokens} new tokens at most, SmolLM2-135M in float32")
    print("| finetuned, tokens/s | mlx_lm.generate, tokens/s | ratio | same answers |")
    print("| --- | --- | --- | --- |")
    ratio = speeds["ours"] / speeds["theirs"]
    print(f"| {speeds['ours']:.1f} | {speeds['theirs']:.1f} | {ratio:.2f} | {same:.1%} |")
    if same < SAME:
        sys.exit("FAIL: the answers are not the same")


def _prepared(folder: Path) -> Path:
    from daemon.layout import Layout
    from daemon.model.bases import prepare

    layout = Layout(folder)
    layout.bases.mkdir(parents=True)
    return layout.base(prepare(layout, "smollm2-135m").name)


def _run(side: str, base: Path, items: int, tokens: int) -> dict[str, Any]:
    argv = [sys.executable, "-m", "benchmarks.judge_speed", "--side", side, "--base", str(base)]
    argv += ["--items", str(items), "--tokens", str(tokens)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{side} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def answer(side: str, base: str, items: int, tokens: int) -> None:
    """Be one side: answer everything and print a report."""
    from daemon.model.loading import load_model

    model, tokenizer = load_model(Path(base))
    prompts = []
    for row in short_chats(items):
        text = tokenizer.apply_chat_template(row["messages"][:-1], add_generation_prompt=True)
        prompts.append(list(text))
    work = _ours if side == "ours" else _theirs
    work(model, tokenizer, prompts[:2], 2)
    began_s = perf_counter()
    texts = work(model, tokenizer, prompts, tokens)
    seconds = perf_counter() - began_s
    count = sum(len(tokenizer.encode(text, add_special_tokens=False)) for text in texts)
    print(json.dumps({"seconds": seconds, "tokens": count, "texts": texts}))


def _ours(model: Any, tokenizer: Any, prompts: list[list[int]], tokens: int) -> list[str]:
    from daemon.core.evaluation.answers import AnswerLimits
    from daemon.model.generation import answer_batch

    said = answer_batch(model, tokenizer, prompts, AnswerLimits(tokens), lambda: False)
    return [one.text for one in said or []]


def _theirs(model: Any, tokenizer: Any, prompts: list[list[int]], tokens: int) -> list[str]:
    from mlx_lm import generate

    return [generate(model, tokenizer, prompt, max_tokens=tokens) for prompt in prompts]


if __name__ == "__main__":
    main()
