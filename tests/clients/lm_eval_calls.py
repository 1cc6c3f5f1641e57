"""Runs two tasks of lm-evaluation-harness against a server: multiple choice and generation."""

import json
import os
import sys
from pathlib import Path

import lm_eval
from lm_eval.tasks import TaskManager

ROWS = (
    {"q": "The capital of France is", "choices": ["Paris", "London", "Rome"], "a": 0},
    {"q": "Grass is usually", "choices": ["green", "purple", "loud"], "a": 0},
    {"q": "Two plus two is", "choices": ["seven", "four", "nine"], "a": 1},
    {"q": "The sun rises in the", "choices": ["west", "east", "bath"], "a": 1},
)
CHOICES = """task: choices
output_type: multiple_choice
doc_to_choice: choices
doc_to_target: a
metric_list: [{metric: acc}]
"""
WRITING = """task: writing
output_type: generate_until
doc_to_target: "{{choices[a]}}"
generation_kwargs: {until: ["\\n"], max_gen_toks: 8}
metric_list: [{metric: exact_match}]
"""
SHARED = """dataset_path: json
dataset_kwargs: {{data_files: {{test: {rows}}}}}
test_split: test
doc_to_text: "{{{{q}}}}"
"""


def main(base: str, target: str) -> int:
    folder = Path("tasks").absolute()
    folder.mkdir()
    rows = folder / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    for name, text in (("choices", CHOICES), ("writing", WRITING)):
        (folder / f"{name}.yaml").write_text(text + SHARED.format(rows=rows))
    found = lm_eval.simple_evaluate(
        model="local-completions",
        model_args={
            "model": "base",
            "base_url": f"{os.environ['OPENAI_BASE_URL']}/completions",
            "tokenizer": base,
            "tokenizer_backend": "huggingface",
            "num_concurrent": 2,
            "max_length": 2048,
        },
        tasks=["choices", "writing"],
        task_manager=TaskManager(include_path=str(folder)),
    )
    with Path(target).open("w") as lines:
        for sample in found["samples"]["choices"]:
            for arguments, (answer,) in zip(sample["arguments"], sample["resps"], strict=True):
                lines.write(json.dumps([*arguments[:2], float(answer[0])]) + "\n")
    right = found["results"]["choices"]["acc,none"]
    written = len(found["samples"]["writing"])
    print(f"{'ok  ' if right == 1 else 'FAIL'} lm-eval choices: {right:.0%} right")
    print(f"{'ok  ' if written == len(ROWS) else 'FAIL'} lm-eval writing: {written} answers")
    return 0 if right == 1 and written == len(ROWS) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
