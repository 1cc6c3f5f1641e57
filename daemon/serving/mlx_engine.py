"""The engine on MLX: one base model in memory, and over the same arrays a model for each version.

Each version has a batch of its own (mlx-lm's `BatchGenerator`) and modules of its own that share
the base's arrays, so nothing is reloaded or switched, and no answer can meet another's weights.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daemon.core.examples import Call, compact
from daemon.core.versions import version_from_manifest
from daemon.errors import UserFault
from daemon.folders.models import ADAPTER, read_manifest, verify
from daemon.model.adapters import attach, load_adapter
from daemon.model.backend import Module, mx, on_cpu
from daemon.model.choosing import choosing
from daemon.model.loading import load_model
from daemon.model.twins import twin
from daemon.serving.prompt_cache import PromptCache
from daemon.serving.work import Said, Subject, Work

# mlx_lm imports mlx by itself: it must come after the back end is set up.
from mlx_lm.generate import BatchGenerator, StopSequences  # isort: skip
from mlx_lm.tokenizer_utils import TokenizerWrapper  # isort: skip

PREFILL_TOKENS = 512
"""Of a prompt at once: the others' next words wait so long."""

SPARE = 1.25
"""Memory that answering takes, as a multiple of the weights: attention states and logits."""


@dataclass
class _Draft:
    """An answer in the making."""

    number: int
    words: Any
    """mlx-lm's detokenizer of this answer."""
    has_begun: bool = False
    """Whether its prompt is computed."""


@dataclass
class _Wearer:
    """A model that wears one version, and its answers by their number in the batch."""

    name: str
    batch: BatchGenerator
    drafts: dict[int, _Draft] = field(default_factory=dict)


class MlxEngine:
    """Answers side by side, each by the version it asks for."""

    def __init__(self, versions: int, at_once: int, prompts: PromptCache | None = None) -> None:
        """At most so many versions are kept, and so many answers made, at once.

        Without a cache every prompt is computed from its beginning.
        """
        self._versions = versions
        self._at_once = at_once
        self._model: Module | None = None
        self._tokenizer: TokenizerWrapper = None
        self._wearers: dict[str, _Wearer] = {}
        self._prompts = prompts or PromptCache(0)
        self.base: Path | None = None

    @property
    def worn(self) -> int:
        """How many versions are in memory."""
        return len(self._wearers)

    @property
    def kept_bytes(self) -> int:
        """What the states of earlier prompts take."""
        return self._prompts.size_bytes

    def load(self, base: Path) -> None:
        """Take a base model into memory.

        Raises:
            ModelFault: it cannot be loaded.
        """
        self._model, self._tokenizer = load_model(base)
        self._ends = StopSequences([[token] for token in sorted(self._tokenizer.eos_token_ids)])
        self.base = base

    def unload(self) -> None:
        """Give everything back."""
        for wearer in self._wearers.values():
            wearer.batch.close()
        self._wearers.clear()
        self._model = self._tokenizer = self.base = None
        self.forget()

    def forget(self) -> None:
        """Give back what is kept of earlier prompts."""
        self._prompts.clear()
        mx.clear_cache()

    def begin(self, work: Work) -> None:
        """Begin an answer.

        Raises:
            UserFault: its version is damaged or does not fit the base.
        """
        wearer = self._wearer(work.subject)
        sampling = work.sampling
        states, known = self._prompts.find(wearer.name, work.prompt)
        (uid,) = wearer.batch.insert(
            [list(work.prompt[known:])], [sampling.max_tokens], caches=[states],
            all_tokens=[list(work.prompt[:known])],
            samplers=[choosing(sampling)], stop_sequences=[self._ends],
        )  # fmt: skip
        wearer.drafts[uid] = _Draft(work.number, self._tokenizer.detokenizer)

    def _wearer(self, subject: Subject) -> _Wearer:
        """Return the model of a version; of those that rest, the one asked longest ago may go."""
        wearer = self._wearers.pop(subject.model, None)
        if wearer is None:
            resting = [name for name, other in self._wearers.items() if not other.drafts]
            for name in resting[: max(0, len(self._wearers) + 1 - self._versions)]:
                self._wearers.pop(name).batch.close()
                self._prompts.forget(name)
            wearer = self._dress(subject)
        self._wearers[subject.model] = wearer
        return wearer

    def _dress(self, subject: Subject) -> _Wearer:
        assert self._model is not None
        model = twin(self._model)
        if subject.adapter is not None:
            problem = verify(subject.adapter)
            if problem is not None:
                message = f"{subject.version} cannot be used: {problem}"
                raise UserFault("version_damaged", message)
            spec = version_from_manifest(read_manifest(subject.adapter)).adapter
            assert spec is not None, "the registry gives no adapter for a version without one"
            attach(model, spec, 0)
            load_adapter(model, subject.adapter / ADAPTER)
        # An adapter's layers are new, and a new layer would drop out as in training.
        model.eval()
        batch = BatchGenerator(
            model, completion_batch_size=self._at_once,
            prefill_batch_size=min(8, self._at_once), prefill_step_size=PREFILL_TOKENS,
        )  # fmt: skip
        return _Wearer(subject.model, batch)

    def step(self) -> Iterator[Said]:
        """Go on with every answer by at most one token.

        What one version says is given before the next one computes: its clients do not wait for it.
        """
        for wearer in list(self._wearers.values()):
            if wearer.drafts:
                _prompts, answers = wearer.batch.next()
                yield from [self._said(wearer, answer) for answer in answers]

    def _said(self, wearer: _Wearer, answer: Any) -> Said:
        draft = wearer.drafts[answer.uid]
        draft.has_begun = True
        ended = answer.finish_reason == "stop"
        if not ended:
            draft.words.add_token(answer.token)
        if answer.finish_reason is not None:
            draft.words.finalize()
            self._prompts.keep(wearer.name, answer.all_tokens, answer.prompt_cache)
            del wearer.drafts[answer.uid]
        return Said(draft.number, draft.words.last_segment, int(not ended), answer.finish_reason)

    def drop(self, number: int) -> None:
        """Leave an answer."""
        for wearer in self._wearers.values():
            gone = [uid for uid, draft in wearer.drafts.items() if draft.number == number]
            begun = all(wearer.drafts[uid].has_begun for uid in gone)
            left = wearer.batch.remove(gone, return_prompt_caches=begun)
            for uid in gone:
                del wearer.drafts[uid]
            # One that met a stop string of its own is left too, and its conversation may go on.
            for states, tokens in left.values():
                self._prompts.keep(wearer.name, tokens, states)

    def calls(self, text: str, tools: Sequence[str]) -> tuple[str, tuple[Call, ...]]:
        """Return what an answer says and what it calls, as mlx-lm reads the model's own form.

        What cannot be read as a call stays text.
        """
        opening, closing = self._tokenizer.tool_call_start, self._tokenizer.tool_call_end
        if not self._tokenizer.has_tool_calling or opening not in text:
            return text, ()
        known = [json.loads(tool) for tool in tools]
        said, *asked = text.split(opening)
        found: list[Call] = []
        for part in asked:
            inner, _, after = part.partition(closing) if closing else (part, "", "")
            try:
                made = self._tokenizer.tool_parser(inner.strip(), known)
                found += [_call(one) for one in (made if isinstance(made, list) else [made])]
            except (ValueError, KeyError, TypeError, AttributeError, IndexError, SyntaxError):
                return text, ()
            said += after
        return (said.strip(), tuple(found)) if found else (text, ())

    def bytes_for(self, subject: Subject) -> int:
        """Return the memory that a base takes, and what answering needs, in bytes."""
        bits = {"bfloat16": 16, "float16": 16, "4-bit": 4.5, "8-bit": 8.5}.get(subject.base_dtype)
        # The CPU computes in full precision, whatever the file holds.
        growth = 32 / bits if bits is not None and on_cpu() else 1.0
        return int(subject.base_bytes * growth * SPARE)


def _call(made: dict[str, Any]) -> Call:
    arguments = made["arguments"]
    if isinstance(arguments, str):
        arguments = json.loads(arguments)
    return Call(str(made["name"]), compact(arguments))
