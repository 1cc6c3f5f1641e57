"""Answers every row of a hold-out with one adapter after another; trains nothing."""

from pathlib import Path
from typing import Any

import orjson

from daemon.core.evaluation.answers import AnswerLimits
from daemon.core.records import from_json_value
from daemon.core.rows.examples import Chat, from_record
from daemon.core.workspace.versions import AdapterSpec
from daemon.evaluation.scores.overlap import exact_match
from daemon.evaluation.scoring import mean_loss
from daemon.settings import Settings
from daemon.text.encoder import Encoded, TextEncoder
from daemon.training.engine.mlx import MlxEngine


class Sheet:
    """One base model and the rows it is asked."""

    def __init__(
        self, base: Path, holdout: Path, manifest: dict[str, Any], answer_tokens: int
    ) -> None:
        self._tokens = answer_tokens
        self._engine = MlxEngine()
        settings = Settings.model_validate(manifest["settings"])
        row, a_pass = self._engine.usual_tokens
        training = settings.training.model_copy(update={"row_tokens": row, "pass_tokens": a_pass})
        spec = from_json_value(manifest["adapter"], AdapterSpec)
        self._engine.load(base, spec, training, None, 0, base, None)
        text = TextEncoder.load(base)
        examples = [from_record(orjson.loads(line)) for line in holdout.read_bytes().splitlines()]
        chats = [example for example in examples if isinstance(example, Chat)]
        self._rows = [row for row in text.encode(chats, 2**20) if isinstance(row, Encoded)]
        self._golden = [chat.turns[-1].content for chat in chats]
        self._prompts = [text.encode_prompt(chat.turns[:-1]) for chat in chats]

    def show(self, name: str, adapter: Path | None) -> None:
        """Print a row of the table."""
        self._engine.load_adapter(adapter)
        said = self._engine.answer(self._prompts, AnswerLimits(self._tokens), lambda: False) or []
        right = sum(exact_match(g, one.text) for g, one in zip(self._golden, said, strict=True))
        loss = mean_loss(self._engine.losses(self._rows))
        print(f"| {name} | {right} of {len(said)} | {loss:.4f} |", flush=True)
