"""Constrained decoding: compiles JSON schemas to grammars, and masks the tokens that break them.

The grammars are llguidance's. Nothing of its own kernels is used: they are for Metal alone.
"""

import json
import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from llguidance import LLMatcher, LLParserLimits, LLTokenizer

from daemon.core.records import JsonObject
from daemon.text.tokenizer_files import TokenizerFiles, read_json

MOST_SCHEMA_CHARACTERS = 65_536
MOST_CACHED = 32
"""Compiled grammars of one base that are kept."""

SPACE = r"( |\n {0,16})?"
"""The white space that JSON may have between its parts: without a bound an answer could be all
white space."""

TAIL_BYTES = 240
LOOP_BYTES = 60
_LOOP = re.compile(rb"([^\"]{1,24}?)\1{4,}\Z", re.DOTALL)
"""A string that says one thing again and again: a small model never leaves such a circle."""

CALL_BEGIN, CALL_END = "<tool_call>", "</tool_call>"

_LIMITS = LLParserLimits(
    initial_lexer_fuel=1_000_000, max_grammar_size=100_000, max_lexer_states=50_000
)
_CLOSERS = ("}", "]", '"', "0")

Words = npt.NDArray[np.uint32]


class SchemaRefused(Exception):
    """A schema that no answer can be held to."""

    def __init__(self, place: tuple[str | int, ...], why: str) -> None:
        super().__init__(why)
        self.place = place
        """The part of the schema that is at fault."""
        self.why = why


class TokenConstraint:
    """How far one answer is in its grammar."""

    def __init__(self, matcher: LLMatcher, tokenizer: LLTokenizer, quotes: Words) -> None:
        """`quotes` are the tokens that begin with a quotation mark, one bit each."""
        self._matcher = matcher
        self._tokenizer = tokenizer
        self._quotes = quotes
        self._tail = b""
        """The end of the answer so far."""
        self._ends = frozenset(tokenizer.eos_tokens)

    def copy(self) -> "TokenConstraint":
        """Return the same state for another answer."""
        return TokenConstraint(self._matcher.deep_copy(), self._tokenizer, self._quotes)

    @property
    def fault(self) -> str | None:
        """Why the grammar can be followed no further; None if it can."""
        return self._matcher.get_error() if self._matcher.is_error() else None

    def mask(self) -> Words:
        """Return which tokens may come next, one bit each; a string that goes in circles ends."""
        words = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint32)
        loop = _LOOP.search(self._tail)
        if loop is None or len(loop[0]) < LOOP_BYTES:
            return words
        closing = words & self._quotes
        return closing if closing.any() else words

    def take(self, token: int) -> bool:
        """Go on by a token; return whether it ended the answer."""
        self._matcher.consume_token(token)
        self._tail = (self._tail + self._tokenizer.decode_bytes([token]))[-TAIL_BYTES:]
        return token in self._ends

    def shortest(self, most: int) -> list[int]:
        """Return a short answer without a model: what closes comes first."""
        found: list[int] = []
        while len(found) < most and self.fault is None:
            allowed = np.unpackbits(self.mask().view(np.uint8), bitorder="little").nonzero()[0]
            token = min(map(int, allowed), key=self._reach)
            if self.take(token):
                break
            found.append(token)
        return found

    def text(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens."""
        return self._tokenizer.decode_str(list(tokens))

    def _reach(self, token: int) -> tuple[bool, bool, int, int]:
        text = self._tokenizer.decode_str([token])
        return token not in self._ends, text not in _CLOSERS, len(text), token


class Grammars:
    """Compiles grammars for the tokenizer of one base model; used by one thread at a time."""

    def __init__(self, tokenizer: LLTokenizer) -> None:
        self._tokenizer = tokenizer
        quotes = [
            tokenizer.decode_bytes([token])[:1] == b'"' for token in range(tokenizer.vocab_size)
        ]
        quotes += [False] * (-len(quotes) % 32)
        self._quotes = np.packbits(quotes, bitorder="little").view(np.uint32)
        self._compiled: OrderedDict[str, TokenConstraint] = OrderedDict()

    @classmethod
    def load(cls, folder: Path) -> "Grammars":
        """Load from a model directory.

        Raises:
            ModelFault: its tokenizer cannot be used.
        """
        files = TokenizerFiles.read(folder)
        tokenizer = files.tokenizer()
        tokenizer.no_truncation()
        tokenizer.no_padding()
        named = tokenizer.token_to_id(files.token("eos_token") or "")
        stated = [
            read_json(folder / name).get("eos_token_id")
            for name in ("config.json", "generation_config.json")
        ]
        listed = [end for each in stated for end in (each if isinstance(each, list) else [each])]
        ends = list(dict.fromkeys(end for end in (named, *listed) if isinstance(end, int)))
        return cls(LLTokenizer(tokenizer.to_str(), eos_token=ends))

    def constraint(self, grammar: str, *, text: bool = False) -> TokenConstraint:
        """Return the beginning of an answer in a grammar; with `text` any text is one.

        Raises:
            SchemaRefused: it is too large, or its text is not a grammar.
        """
        found = self._compiled.pop(grammar, None)
        if found is None:
            matcher = LLMatcher(self._tokenizer, grammar, log_level=0, limits=_LIMITS)
            # In a text a quotation mark ends nothing.
            quotes = np.zeros_like(self._quotes) if text else self._quotes
            found = TokenConstraint(matcher, self._tokenizer, quotes)
            if found.fault is not None:
                raise SchemaRefused((), _first_line(found.fault))
        self._compiled[grammar] = found
        if len(self._compiled) > MOST_CACHED:
            self._compiled.popitem(last=False)
        return found.copy()

    def call_grammar(self, calls: JsonObject, otherwise: JsonObject | None, *, must: bool) -> str:
        """Return the grammar of an answer that is a call, or may be one.

        Where it need not be one, it is JSON as `otherwise` says, or any text.
        """
        begin, end = (self._mark(mark) for mark in (CALL_BEGIN, CALL_END))
        call = f"{begin} GAP %json {json.dumps(_bounded(calls))} GAP {end}"
        if must:
            start = "start: call"
        elif otherwise is not None:
            start = f"start: call | %json {json.dumps(_bounded(otherwise))}"
        elif begin == CALL_BEGIN:
            start = "start: (TEXT call)* TEXT\nTEXT: /(.|\\n)*/"
        else:
            start = "start: (head body)* TEXT\nTEXT: /(.|\\n)*/"
            start += f"\nhead[lazy]: TEXT {begin}\nbody: {call.removeprefix(begin)}"
        return f"%llguidance {{}}\n{start}\ncall: {call}\nGAP: /\\n?/\n"

    def _mark(self, mark: str) -> str:
        tokens = self._tokenizer.tokenize_str(mark, parse_special=True)
        special = len(tokens) == 1 and self._tokenizer.is_special_token(tokens[0])
        return mark if special else json.dumps(mark)


def json_grammar(schema: JsonObject) -> str:
    """Return the grammar of JSON that a schema describes.

    Raises:
        SchemaRefused: it is too long, or has a part that cannot be followed.
    """
    if len(json.dumps(schema, ensure_ascii=False)) > MOST_SCHEMA_CHARACTERS:
        raise SchemaRefused((), f"is longer than {MOST_SCHEMA_CHARACTERS} characters")
    grammar = LLMatcher.grammar_from_json_schema(json.dumps(_bounded(schema)))
    fault = _fault(grammar)
    if fault is not None:
        raise _refusal(schema, fault)
    return grammar


def _fault(grammar: str) -> str | None:
    at_fault, messages = LLMatcher.validate_grammar_with_warnings(grammar, limits=_LIMITS)
    return _first_line(messages[0]) if at_fault else None


def _bounded(schema: JsonObject) -> JsonObject:
    closed = schema if _merges(schema) else _closed(schema)
    return {**closed, "x-guidance": {"whitespace_flexible": True, "whitespace_pattern": SPACE}}


def _merges(schema: JsonObject) -> bool:
    """Return whether an object's properties come from several parts, which may not be closed."""
    return any(
        "allOf" in part or ("properties" in part and part.keys() & {"anyOf", "oneOf", "$ref"})
        for _, part in _parts(schema)
    )


def _closed(schema: JsonObject) -> JsonObject:
    """Return a schema whose objects have no properties but those it lists.

    Its answers are valid for the schema itself, and a small model does not invent more.
    """
    closed: JsonObject = json.loads(json.dumps(schema))
    for _, part in list(_parts(closed)):
        listed = part.get("properties")
        if isinstance(listed, dict) and not part.keys() & _OPEN:
            required = part.get("required")
            if isinstance(required, list) and set(map(str, required)) <= listed.keys():
                part["additionalProperties"] = False
    return closed


_OPEN = {"additionalProperties", "patternProperties", "minProperties", "unevaluatedProperties"}


def _refusal(schema: JsonObject, fault: str) -> SchemaRefused:
    """Return the refusal of the smallest part that cannot be followed by itself."""
    definitions = {name: schema[name] for name in ("$defs", "definitions") if name in schema}
    found = SchemaRefused((), fault)
    for place, part in _parts(schema):
        alone = LLMatcher.grammar_from_json_schema(json.dumps({**definitions, **part}))
        why = _fault(alone)
        if why is not None and len(place) > len(found.place):
            found = SchemaRefused(place, why)
    return found


_MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLE = ("items", "additionalProperties", "not", "if", "then", "else", "contains")
MOST_PARTS = 1000


def _parts(schema: object) -> Iterator[tuple[tuple[str | int, ...], JsonObject]]:
    """Yield every schema within a schema, with its place; no more than `MOST_PARTS` in all."""
    open_parts: list[tuple[tuple[str | int, ...], object]] = [((), schema)]
    for _ in range(MOST_PARTS):
        if not open_parts:
            return
        here, part = open_parts.pop()
        if not isinstance(part, dict):
            continue
        yield here, part
        open_parts += [((*here, name), part[name]) for name in _SINGLE if name in part]
        for name in (*_MAPS, *_LISTS):
            within = part.get(name)
            pairs = dict(enumerate(within)) if isinstance(within, list) else within
            if isinstance(pairs, dict):
                open_parts += [((*here, name, key), value) for key, value in pairs.items()]


def _first_line(fault: str) -> str:
    return " ".join(fault.split())[:200]
