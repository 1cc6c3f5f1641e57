"""Write what the reference implementations say of random cases; they are not needed to run tests.

    python -m tests.evaluation.scores.recorded.record squad_metrics.py bfcl_folder

with `rouge-score` 0.1.2, `sacrebleu` 2.6.0 and `scikit-learn` 1.9.1 on the path. The first argument
is `transformers/data/metrics/squad_metrics.py` of transformers 4.57.6, the second the unpacked
package `bfcl-eval` 2026.3.23; of both only the comparing functions are used.
"""

import ast
import importlib
import json
import random
import re
import string
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from daemon.evaluation.scores.overlap import words_of
from tests.evaluation.scores.texts import WORDS, pairs

HERE = Path(__file__).resolve().parent
SQUAD = {"normalize_answer", "get_tokens", "compute_exact", "compute_f1"}


def main() -> None:
    squad, bfcl = map(Path, sys.argv[1:3])
    _write("words", _words(_functions(squad)))
    _write("style", _style())
    _write("calls", _calls(_checker(bfcl)))


def _write(name: str, rows: Iterable[Any]) -> None:
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows]
    (HERE / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")


def _functions(path: Path) -> dict[str, Any]:
    """Return SQuAD's functions without the rest of their module, which needs a whole library."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in SQUAD]
    found: dict[str, Any] = {
        "re": re,
        "string": string,
        "collections": SimpleNamespace(Counter=Counter),
    }
    exec(compile(tree, str(path), "exec"), found)
    return found


def _words(squad: dict[str, Any]) -> Iterable[Any]:
    rouge = importlib.import_module("rouge_score.rouge_scorer").RougeScorer
    sacrebleu = importlib.import_module("sacrebleu")
    usual, ours = rouge(["rougeL"]), rouge(["rougeL"], tokenizer=SimpleNamespace(tokenize=words_of))
    for golden, answer in pairs(7, 600):
        plain = golden.isascii() and answer.isascii()
        yield {
            "golden": golden,
            "answer": answer,
            "exact": squad["compute_exact"](golden, answer),
            "f1": squad["compute_f1"](golden, answer),
            # Its own tokens know ASCII only.
            "rouge_l": (usual if plain else ours).score(golden, answer)["rougeL"].fmeasure,
            "bleu": sacrebleu.sentence_bleu(answer, [golden]).score,
            "chrf": sacrebleu.sentence_chrf(answer, [golden]).score,
        }


def _style() -> Iterable[Any]:
    vectorizer = importlib.import_module("sklearn.feature_extraction.text").TfidfVectorizer
    order = random.Random(11)
    for _ in range(25):
        known = [_prose(order) for _ in range(order.randrange(2, 7))]
        asked = [order.choice((_prose(order), order.choice(known)[:30])) for _ in range(20)]
        made = vectorizer(analyzer="char", ngram_range=(3, 3), lowercase=False)
        mean = made.fit_transform(known).toarray().mean(axis=0)
        length = float((mean @ mean) ** 0.5)
        likeness = [float(vector @ mean) / length for vector in made.transform(asked).toarray()]
        yield {"training": known, "answers": asked, "likeness": likeness}


def _prose(order: random.Random) -> str:
    return " ".join(order.choice(WORDS) for _ in range(order.randrange(4, 14)))


def _checker(folder: Path) -> Any:
    """Return BFCL's check of one Python call, without its table of models and their libraries."""
    sys.path.insert(0, str(folder))
    stub = ModuleType("bfcl_eval.constants.model_config")
    stub.__dict__["MODEL_CONFIG_MAPPING"] = {}
    sys.modules[stub.__name__] = stub
    language = importlib.import_module("bfcl_eval.constants.enums").Language.PYTHON
    check = importlib.import_module("bfcl_eval.eval_checker.ast_eval.ast_checker")
    return lambda *args: check.simple_function_checker(*args, language, "any")


NAMES = ("area", "floor", "level", "name", "on", "speed")
KINDS = {
    "area": "string",
    "floor": "string",
    "level": "integer",
    "name": "string",
    "on": "boolean",
    "speed": "float",
}


def _value(name: str, order: random.Random) -> Any:
    match KINDS[name]:
        case "string":
            return order.choice(("attic", "Attic", "desk lamp", "östra rummet", "東京", "kitchen"))
        case "integer":
            return order.randrange(4)
        case "boolean":
            return bool(order.getrandbits(1))
        case _:
            return order.randrange(4) + 0.5


def _calls(check: Any) -> Iterable[Any]:
    order = random.Random(13)
    for _ in range(600):
        wanted = {name: _value(name, order) for name in order.sample(NAMES, order.randrange(5))}
        given = dict(wanted)
        if given and order.random() < 0.4:
            name = order.choice(list(given))
            given[name] = _value(name, order)
        if given and order.random() < 0.2:
            del given[order.choice(list(given))]
        if order.random() < 0.2:
            name = order.choice((*NAMES, "room"))
            given[name] = _value(name, order) if name in KINDS else "attic"
        called = order.choice(("set", "set", "set", "get"))
        offered = {name: {"type": KINDS[name]} for name in NAMES}
        function = {"name": "set", "parameters": {"properties": offered, "required": [*wanted]}}
        accepted = {"set": {name: [value] for name, value in wanted.items()}}
        result = check(function, {called: given}, accepted)
        yield {
            "golden": {"name": "set", "arguments": wanted},
            "answer": {"name": called, "arguments": given},
            "valid": result["valid"],
        }


if __name__ == "__main__":
    main()
