"""The inference engine on MLX: one base model in memory, shared by the versions' adapters.

Plain LoRA versions share one model and one batch, in which each row is bound to its version's
slot; any other version has modules and a batch of its own. Nothing is reloaded or switched, and no
answer can be computed with another version's weights.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.core.rows.examples import Call, compact
from daemon.errors import UserFault
from daemon.folders.models.models import ADAPTER, read_manifest, verify
from daemon.model.adapters import attach, load_adapter
from daemon.model.backend import Module, give_back, on_cpu
from daemon.model.cores import Cores
from daemon.model.loading import load_model
from daemon.model.parallel import ParallelPasses
from daemon.model.row_adapters import BARE, RowAdapters
from daemon.model.shared_weights import clone_sharing_weights
from daemon.serving.batch import BatchRow, Binding, DecodingBatch, NextToken
from daemon.serving.generation import (
    AnswerStep,
    GenerationJob,
    RequestError,
    ServedVersion,
    TokenScore,
)
from daemon.serving.prompt_cache import PromptCache
from daemon.serving.token_texts import TokenTexts
from daemon.serving.tool_calls import calls_in

# mlx_lm imports mlx by itself: it must come after the back end is set up.
from mlx_lm.tokenizer_utils import TokenizerWrapper  # isort: skip
from daemon.core.records import JsonObject

SPARE = 1.25
"""Memory for generation as a multiple of the weights: KV cache and logits."""


@dataclass(frozen=True, eq=False)
class _LoadedVersion:
    """A loaded version: the batch of its rows, and their adapter slot."""

    name: str
    batch: DecodingBatch
    slot: int


@dataclass(frozen=True)
class _Loaded:
    """The base model, and the batch of the versions that share one model."""

    model: Module
    """Without any adapter."""
    adapters: RowAdapters
    shared: DecodingBatch
    threads: ParallelPasses
    """One thread, on the cores left free: beside a trainer two threads wait for each other."""


@dataclass
class _Draft:
    """An answer being generated."""

    loaded: _LoadedVersion
    row: BatchRow
    detokenizer: Any
    """What joins the answer's tokens: mlx-lm's detokenizer, or our own of a continued text."""
    texts: TokenTexts
    echo: bool
    """The prompt's tokens are still to be yielded."""


class MlxEngine:
    """Generates many answers at once, each with the version its request names."""

    def __init__(
        self,
        versions: int,
        prompts: PromptCache | None = None,
        cores: Callable[[], Cores] = Cores,
    ) -> None:
        """At most `versions` stay loaded, apart from those that are answering.

        Without a cache every prompt is computed from its beginning.
        """
        self._versions = versions
        self._cores = cores
        self._loaded: _Loaded | None = None
        self._tokenizer: TokenizerWrapper = None
        self._versions_by_model: dict[str, _LoadedVersion] = {}
        """By the version's name, the least recently used first."""
        self._drafts: dict[int, _Draft] = {}
        self._prompts = prompts if prompts is not None else PromptCache(0)
        self.base: Path | None = None

    @property
    def loaded_versions(self) -> int:
        """How many versions are in memory."""
        return len(self._versions_by_model)

    @property
    def prompt_cache_bytes(self) -> int:
        """The size of the cached KV states of earlier prompts."""
        return self._prompts.size_bytes

    def load(self, base: Path) -> None:
        """Load a base model.

        Raises:
            ModelFault: it cannot be loaded.
        """
        threads = ParallelPasses(1, self._cores())
        model, self._tokenizer = load_model(base)
        threads.share(1)
        adapters = RowAdapters(clone_sharing_weights(model))
        shared = self._batch(adapters.model, adapters.rows)
        self._loaded = _Loaded(model, adapters, shared, threads)
        self.base = base

    def _batch(self, model: Module, binding: Binding) -> DecodingBatch:
        ends = frozenset(self._tokenizer.eos_token_ids)
        return DecodingBatch(model, ends, binding, self._prompts.keep)

    def unload(self) -> None:
        """Free everything."""
        self._versions_by_model.clear()
        self._drafts.clear()
        self._tokenizer = self.base = self._loaded = None
        self.forget()

    def forget(self) -> None:
        """Clear the prompt cache."""
        self._prompts.clear()
        give_back()

    def begin(self, work: GenerationJob) -> None:
        """Begin an answer.

        Raises:
            UserFault: its version is damaged or does not fit the base.
        """
        self._share_cores()
        loaded = self._ensure_version(work.subject)
        scores_prompt = work.echo and work.alternatives is not None
        # Cached states have no logits of the prompt's tokens.
        cached = (None, 0) if scores_prompt else self._prompts.find(loaded.name, work.prompt)
        row = BatchRow(
            work.number,
            loaded.name,
            loaded.slot,
            work.sampling,
            list(work.prompt),
            *cached,
            work.alternatives,
            scores_prompt,
            work.constraint,
        )
        loaded.batch.add(row)
        texts = TokenTexts(self._tokenizer)
        joined = texts.after(work.prompt) if work.continues else self._tokenizer.detokenizer
        self._drafts[work.number] = _Draft(loaded, row, joined, texts, work.echo)

    def _share_cores(self) -> None:
        assert self._loaded is not None
        self._loaded.threads.share(1)

    def _ensure_version(self, subject: ServedVersion) -> _LoadedVersion:
        """Return a version, loaded; the least recently used idle one may be unloaded for it."""
        loaded = self._versions_by_model.pop(subject.model, None)
        if loaded is None:
            busy = {draft.loaded.name for draft in self._drafts.values()}
            resting = [name for name in self._versions_by_model if name not in busy]
            for name in resting[: max(0, len(self._versions_by_model) + 1 - self._versions)]:
                self._unload_version(self._versions_by_model.pop(name))
            loaded = self._load_version(subject)
        self._versions_by_model[subject.model] = loaded
        return loaded

    def _unload_version(self, loaded: _LoadedVersion) -> None:
        assert self._loaded is not None
        if loaded.batch is self._loaded.shared:
            self._loaded.adapters.remove(loaded.slot)
        self._prompts.forget(loaded.name)

    def _load_version(self, subject: ServedVersion) -> _LoadedVersion:
        assert self._loaded is not None
        if subject.adapter is None:
            return _LoadedVersion(subject.model, self._loaded.shared, BARE)
        problem = verify(subject.adapter)
        if problem is not None:
            message = f"{subject.version} cannot be used: {problem}"
            raise UserFault("version_damaged", message)
        spec = read_manifest(subject.adapter).adapter
        assert spec is not None, "the registry gives no adapter for a version without one"
        own = clone_sharing_weights(self._loaded.model)
        attach(own, spec, 0)
        load_adapter(own, subject.adapter / ADAPTER)
        # An adapter's layers are new, and a new layer would apply dropout as in training.
        own.eval()
        slot = self._loaded.adapters.add(own)
        if isinstance(slot, int):
            return _LoadedVersion(subject.model, self._loaded.shared, slot)
        sys.stderr.write(f"{subject.version} is answered in a batch of its own: {slot}\n")
        return _LoadedVersion(subject.model, self._batch(own, lambda _: nullcontext()), BARE)

    def step(self) -> Iterator[AnswerStep]:
        """Generate at most one token of every answer.

        Each token is yielded before the next is computed: its client does not wait for that.
        """
        self._share_cores()
        batches = {id(draft.loaded.batch): draft.loaded.batch for draft in self._drafts.values()}
        for batch in batches.values():
            for new in batch.step():
                # An answer may have been dropped while another one's token was delivered.
                if new.row.number in self._drafts:
                    yield self._answer_step(new)

    def _answer_step(self, token: NextToken) -> AnswerStep:
        draft = self._drafts[token.row.number]
        constraint = token.row.constraint
        if constraint is not None and constraint.fault is not None:
            message = f"the answer's form became too complex to follow: {constraint.fault[:200]}"
            trouble = RequestError(500, "form_too_complex", message)
            return AnswerStep(token.row.number, "", 0, trouble=trouble)
        counts = token.finish != "stop" and token.token is not None
        if counts:
            draft.detokenizer.add_token(token.token)
        text = draft.detokenizer.last_segment
        scores = _echoed(draft)
        if counts and token.score is not None:
            scores.append(draft.texts.score(token.score))
        if token.finish is not None:
            draft.detokenizer.finalize()
            # What is left now is half a character at most.
            text += draft.detokenizer.last_segment.rstrip("\ufffd")
            del self._drafts[token.row.number]
        return AnswerStep(token.row.number, text, int(counts), token.finish, tuple(scores))

    def drop(self, number: int) -> None:
        """Abandon an answer."""
        draft = self._drafts.pop(number, None)
        if draft is not None:
            # An answer cut at a stop string is dropped too, and its conversation may go on.
            draft.loaded.batch.leave(draft.row)

    def calls(self, text: str, tools: Sequence[str]) -> tuple[str, tuple[Call, ...]]:
        """Return an answer's text and its tool calls; what cannot be parsed as one stays text.

        mlx-lm parses the model's own form first, for it knows the types of arguments in XML.
        """
        found = self._own_calls(text, tools)
        return found if found[1] else calls_in(text, tools)

    def _own_calls(self, text: str, tools: Sequence[str]) -> tuple[str, tuple[Call, ...]]:
        opening, closing = self._tokenizer.tool_call_start, self._tokenizer.tool_call_end
        if not self._tokenizer.has_tool_calling or opening not in text:
            return text, ()
        known = [json.loads(tool) for tool in tools]
        content, *call_texts = text.split(opening)
        found: list[Call] = []
        for part in call_texts:
            inner, _, after = part.partition(closing) if closing else (part, "", "")
            try:
                parsed = self._tokenizer.tool_parser(inner.strip(), known)
                found += [_call(one) for one in (parsed if isinstance(parsed, list) else [parsed])]
            except (ValueError, KeyError, TypeError, AttributeError, IndexError, SyntaxError):
                return text, ()
            content += after
        return (content.strip(), tuple(found)) if found else (text, ())

    def bytes_for(self, subject: ServedVersion) -> int:
        """Return the memory a base needs for generation, in bytes."""
        bits = {"bfloat16": 16, "float16": 16, "4-bit": 4.5, "8-bit": 8.5}.get(subject.base_dtype)
        # The CPU computes in full precision, whatever the file holds.
        growth = 32 / bits if bits is not None and on_cpu() else 1.0
        return int(subject.base_bytes * growth * SPARE)


def _echoed(draft: _Draft) -> list[TokenScore]:
    """Return the prompt's tokens, once, where they are asked for."""
    if not draft.echo:
        return []
    draft.echo = False
    row = draft.row
    if not row.echo:
        return [draft.texts.unscored(token) for token in row.tokens[: row.prompt_length]]
    first = draft.texts.unscored(row.tokens[0])
    return [first, *(draft.texts.score(score, of_prompt=True) for score in row.prompt_scores)]


def _call(parsed: JsonObject) -> Call:
    arguments = parsed["arguments"]
    if isinstance(arguments, str):
        arguments = json.loads(arguments)
    return Call(str(parsed["name"]), compact(arguments))
