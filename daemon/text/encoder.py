"""Encodes examples as tokens and loss masks, with the model's own template and tokenizer."""

import copy
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Encoding, Tokenizer

from daemon.core.rows.examples import Chat, Example, Text, Turn
from daemon.core.rows.plain_form import KNOWN_FORMS
from daemon.core.rows.prefix import Prefix
from daemon.core.rows.refusal import Bad
from daemon.errors import ModelFault
from daemon.text.abilities import Abilities
from daemon.text.forged import ControlTokenMarks
from daemon.text.pieces import Kind, TokenText
from daemon.text.plain_form import write_left_out
from daemon.text.prefix import Place, put_before
from daemon.text.spans import Renderer
from daemon.text.stepwise import Rendered, Span, unsaid
from daemon.text.template import PLAIN, ChatTemplate, Unrenderable
from daemon.text.tokenizer_files import TokenizerFiles, bounded, read_json


@dataclass(frozen=True, slots=True)
class Encoded:
    """One example as token ids with its loss mask."""

    tokens: npt.NDArray[np.int32]
    """Shape (n,)."""
    supervised: npt.NDArray[np.bool_]
    """Shape (n,); True if the token is a target of the loss."""
    forged: int = 0
    """Places where content spells a control token; these were encoded as plain text."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why an example cannot be trained: `template_error`, `no_supervised_tokens`, `too_long`."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class _Rendered:
    """A batch of rendered examples, before tokenization."""

    examples: Sequence[Example]
    rendered: list[Rendered | Unfit]
    encodings: Future[list[Encoding]]


AT_ONCE = 256
"""Examples rendered while as many are tokenized."""


class TextEncoder:
    """The template, tokenizer and prefix of one base model."""

    def __init__(self, files: TokenizerFiles) -> None:
        self.fingerprint = files.fingerprint
        self.template_fingerprint = files.template_fingerprint
        self._tokenizer = files.tokenizer()
        self.vocabulary = int(self._tokenizer.get_vocab_size(with_added_tokens=True))
        """The number of tokens."""
        frame = self._tokenizer.encode("").ids
        # Templates write control tokens themselves; a post-processor would add more, and
        # byte-level ones trim whitespace from the offsets.
        self._tokenizer.post_processor = None
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._eos = _eos(files, self._tokenizer)
        self._bos = [token for token in frame if token != self._eos]
        self._controls = _controls(self._tokenizer)
        self._renderer = self._make_renderer(files)
        self._as_text: Tokenizer | None = None
        self.prefix: Prefix | None = None
        self.plain_form: str | None = None
        self._tokenizing = ThreadPoolExecutor(1, "tokens")

    @classmethod
    def load(cls, folder: Path) -> "TextEncoder":
        """Load from a model directory.

        Raises:
            ModelFault: its tokenizer or template cannot be used.
        """
        return cls(TokenizerFiles.read(folder))

    @property
    def prefix_place(self) -> Place:
        """Where the model's template expects instructions."""
        return self._renderer.prefix_place

    def prefixed(self, prefix: Prefix | None) -> "TextEncoder":
        """Return the same encoder with another prefix before every conversation, or none."""
        other = copy.copy(self)
        other.prefix = prefix
        return other

    def in_form(self, form: str | None) -> "TextEncoder":
        """Return the same encoder with another plain form for what the template leaves out.

        With None it is left out, as in versions from before there was a plain form.

        Raises:
            ModelFault: the form is of a later release.
        """
        if form is not None and form not in KNOWN_FORMS:
            raise ModelFault("plain_form_unknown", f"the plain form {form!r} is of a later release")
        other = copy.copy(self)
        other.plain_form = form
        return other

    def for_version(self, prefix: Prefix | None, form: str | None) -> "TextEncoder":
        """Return the same encoder with another prefix and another plain form."""
        return self.prefixed(prefix).in_form(form)

    def _make_renderer(self, files: TokenizerFiles) -> Renderer:
        eos = "" if self._eos is None else self._tokenizer.id_to_token(self._eos) or ""
        tokens = {"bos_token": files.token("bos_token") or "", "eos_token": eos}
        vocabulary = self._tokenizer
        # As mlx-lm generates: thinking is on where the vocabulary has tokens for it.
        thinking = None not in (vocabulary.token_to_id(t) for t in ("<think>", "</think>"))
        template = PLAIN if files.template is None else files.template
        try:
            compiled = ChatTemplate(template, tokens, thinking)
            return Renderer(compiled, self._controls, files.template is not None)
        except Unrenderable as error:
            raise ModelFault("model_unsupported", f"{error} ({files.folder})") from error

    def encode(self, examples: Sequence[Example], max_tokens: int) -> list[Encoded | Unfit]:
        """Return tokens and masks, or why there are none, in the order of the examples."""
        found: list[Encoded | Unfit] = []
        waiting: list[_Rendered] = []
        # The tokenizer releases the GIL: the next rows are rendered meanwhile.
        for begin in range(0, len(examples), AT_ONCE):
            waiting.append(self._begin(examples[begin : begin + AT_ONCE]))
            if len(waiting) > 1:
                found += self._finish(waiting.pop(0), max_tokens)
        for item in waiting:
            found += self._finish(item, max_tokens)
        return found

    def _begin(self, examples: Sequence[Example]) -> _Rendered:
        rendered = [self._render(example) for example in examples]
        texts = [item.text for item in rendered if isinstance(item, Rendered)]
        encodings = self._tokenizing.submit(
            self._tokenizer.encode_batch, texts, add_special_tokens=False
        )
        return _Rendered(examples, rendered, encodings)

    def _finish(self, batch: _Rendered, max_tokens: int) -> list[Encoded | Unfit]:
        encodings = iter(batch.encodings.result())
        found: list[Encoded | Unfit] = []
        for example, item in zip(batch.examples, batch.rendered, strict=True):
            if isinstance(item, Unfit):
                found.append(item)
                continue
            encoding = next(encodings)
            if isinstance(example, Text):
                encoded = self._plain(encoding.ids)
            else:
                encoded = self._masked(item, encoding)
            found.append(_checked(_cut(encoded, example.cut), max_tokens))
        return found

    @property
    def shows_tools(self) -> bool:
        """Whether the model is shown its tools, by the template or as text."""
        return self.plain_form is not None or self.abilities.tools

    @property
    def writes_calls(self) -> bool:
        """Whether the calls of an answer are written, by the template or as text."""
        return self.plain_form is not None or self.abilities.calls

    @property
    def abilities(self) -> Abilities:
        """The abilities of the template itself."""
        return self._renderer.abilities

    def refusal(self, example: Example) -> Bad | None:
        """Return why a row cannot be trained as it is written; None if it can."""
        return None if self.plain_form is not None else self.abilities.refusal(example)

    def last_answer(self, chat: Chat) -> str:
        """Return the last answer as the template writes it, without control tokens.

        Empty where the template refuses the conversation or leaves the answer out.
        """
        *before, last = chat.turns
        last = replace(last, trained=True, reasoning="")
        turns = (*(replace(turn, trained=False) for turn in before), last)
        rendered = self._render(replace(chat, turns=turns))
        if isinstance(rendered, Unfit):
            return ""
        encoding = self._tokenizer.encode(rendered.text, add_special_tokens=False)
        encoded = self._masked(rendered, encoding)
        return self.decode(encoded.tokens[encoded.supervised])

    @property
    def prefix_stable(self) -> bool:
        """Whether a conversation's text starts with the text of its first turns."""
        return self._renderer.prefix_stable

    def verify(self) -> str | None:
        """Return what is doubtful about the masks of this template; None if nothing is."""
        return self._renderer.verify()

    def pieces(self, example: Example, max_tokens: int) -> list[TokenText]:
        """Return the text of each token and its part in the loss; none for an unfit example."""
        rendered = self._render(example)
        if isinstance(rendered, Unfit):
            return []
        encoding = self._tokenizer.encode(rendered.text, add_special_tokens=False)
        begins = [offset[0] for offset in encoding.offsets]
        if isinstance(example, Text):
            supervised = [True] * len(begins)
        else:
            forged = self._forged(rendered)
            begins = self._encode_around(rendered.text, forged)[1] if forged else begins
            supervised = self._masked(rendered, encoding).supervised.tolist()
        found: list[TokenText] = []
        ends = [*begins[1:], len(rendered.text)]
        for number, (start, end) in enumerate(zip(begins, ends, strict=True)):
            kind: Kind = "supervised" if supervised[number] else "ignored"
            found.append(
                TokenText(rendered.text[start:end], kind if number < max_tokens else "truncated")
            )
        return found

    def encode_prompt(self, turns: Sequence[Turn], tools: Sequence[str] = ()) -> list[int]:
        """Return the tokens up to where an answer begins.

        A control token spelled in a turn or a tool stays text, as in training.

        Raises:
            Unrenderable: the template does not take these turns.
        """
        turns, tools = self._as_rendered(turns, tools)
        marks = ControlTokenMarks.of(self._controls, turns, tools)
        if marks is None:
            text = self._renderer.prompt(turns, tools)
            ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
            return ids
        hidden = [marks.hide_in(turn) for turn in turns]
        text = self._renderer.prompt(hidden, [marks.hide(tool) for tool in tools])
        return [
            token
            for part, spelled in marks.split(text)
            for token in (self._text_tokenizer() if spelled else self._tokenizer)
            .encode(part, add_special_tokens=False)
            .ids
        ]

    def encode_text(self, text: str) -> list[int]:
        """Return the tokens of plain text to continue; spelled control tokens stay text."""
        ids: list[int] = self._text_tokenizer().encode(text, add_special_tokens=False).ids
        return [*self._bos, *ids]

    def decode(self, tokens: Iterable[int]) -> str:
        """Return the text of tokens, without control tokens."""
        return str(self._tokenizer.decode([int(token) for token in tokens]))

    def _render(self, example: Example) -> Rendered | Unfit:
        if isinstance(example, Text):
            return Rendered(example.text, (), ())
        return self._render_chat(example)

    def _render_chat(self, chat: Chat) -> Rendered | Unfit:
        try:
            turns, tools = self._as_rendered(chat.turns, chat.tools)
            whole = self.plain_form is not None
            rendered = self._renderer.render(turns, tools, whole=whole)
        except Unrenderable as error:
            return Unfit("template_error", f"the model's chat template refuses it: {error}")
        # Rows that earlier releases accepted are still trained as they were.
        missing = unsaid(turns, rendered) if whole else None
        return rendered if missing is None else Unfit("answer_left_out", missing)

    def _as_rendered(
        self, turns: Sequence[Turn], tools: Sequence[str]
    ) -> tuple[Sequence[Turn], Sequence[str]]:
        """Return a conversation as the template gets it: in plain form, with the prefix."""
        if self.plain_form is not None:
            turns, tools = write_left_out(turns, tools, self.abilities)
        if self.prefix is not None:
            turns = put_before(turns, self.prefix.text, self.prefix_place)
        return turns, tools

    def _plain(self, ids: list[int]) -> Encoded:
        ending = [] if self._eos is None or ids[-1:] == [self._eos] else [self._eos]
        tokens = np.array([*self._bos, *ids, *ending], dtype=np.int32)
        supervised = np.ones(len(tokens), dtype=np.bool_)
        supervised[: len(self._bos)] = False
        return Encoded(tokens, supervised)

    def _masked(self, rendered: Rendered, encoding: Any) -> Encoded:
        forged = self._forged(rendered)
        # Reading all offsets would take longer than the template.
        if forged:
            ids, starts = self._encode_around(rendered.text, forged)
            supervised = _covered(starts, rendered.answers)
            return Encoded(np.array(ids, dtype=np.int32), supervised, len(forged))
        tokens = np.array(encoding.ids, dtype=np.int32)
        supervised = np.zeros(len(tokens), dtype=np.bool_)
        for start, end in rendered.answers:
            first, last = _token_from(encoding, start), _token_from(encoding, end)
            if first is None or (last is None and end < len(rendered.text)):
                starts = [offset[0] for offset in encoding.offsets]
                return Encoded(tokens, _covered(starts, rendered.answers))
            supervised[first:last] = True
        return Encoded(tokens, supervised)

    def _forged(self, rendered: Rendered) -> list[Span]:
        """Return where content spells control tokens, which must stay text."""
        return [
            match.span()
            for start, end in rendered.contents
            for match in self._controls.finditer(rendered.text, start, end)
        ]

    def _encode_around(self, text: str, forged: list[Span]) -> tuple[list[int], list[int]]:
        ids: list[int] = []
        starts: list[int] = []
        position = 0
        for begin, end in [*forged, (len(text), len(text))]:
            for tokenizer, start, stop in (
                (self._tokenizer, position, begin),
                (self._text_tokenizer(), begin, end),
            ):
                piece = tokenizer.encode(text[start:stop], add_special_tokens=False)
                ids += piece.ids
                starts += [start + offset[0] for offset in piece.offsets]
            position = end
        return ids, starts

    def _text_tokenizer(self) -> Tokenizer:
        """Return the same tokenizer without control tokens; few rows ever need it."""
        if self._as_text is None:
            self._as_text = bounded(Tokenizer.from_str(self._tokenizer.to_str()))
            self._as_text.encode_special_tokens = True
        return self._as_text


def _covered(starts: Sequence[int], answers: Sequence[Span]) -> npt.NDArray[np.bool_]:
    begins = np.array(starts, dtype=np.int64)
    supervised = np.zeros(len(begins), dtype=np.bool_)
    for start, end in answers:
        supervised[np.searchsorted(begins, start) : np.searchsorted(begins, end)] = True
    return supervised


def _token_from(encoding: Any, place: int) -> int | None:
    """Return the first token that begins at or after a character; None if none covers it."""
    token: int | None = encoding.char_to_token(place)
    if token is None:
        return None
    return token if encoding.token_to_chars(token)[0] == place else token + 1


def _cut(encoded: Encoded, cut: int) -> Encoded:
    if not cut or len(encoded.tokens) <= cut:
        return encoded
    return Encoded(encoded.tokens[:cut], encoded.supervised[:cut], encoded.forged)


def _checked(encoded: Encoded, max_tokens: int) -> Encoded | Unfit:
    if len(encoded.tokens) > max_tokens:
        return Unfit("too_long", f"{len(encoded.tokens)} tokens, the limit is {max_tokens}")
    # The first token is never predicted.
    if not encoded.supervised[1:].any():
        return Unfit("no_supervised_tokens", "it has nothing for the model to answer")
    return encoded


def _controls(tokenizer: Tokenizer) -> re.Pattern[str]:
    added = tokenizer.get_added_tokens_decoder().values()
    texts = sorted((t.content for t in added if t.special), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, texts)) or "(?!)")


def _eos(files: TokenizerFiles, tokenizer: Tokenizer) -> int | None:
    text = files.token("eos_token")
    if text is not None and (token := tokenizer.token_to_id(text)) is not None:
        return int(token)
    found = read_json(files.folder / "config.json").get("eos_token_id")
    first = found[0] if isinstance(found, list) and found else found
    return first if isinstance(first, int) else None
