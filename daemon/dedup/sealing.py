"""Computes the keys by which rows are compared: hashes and MinHash signatures of a question."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from daemon.core.rows.examples import Example
from daemon.core.rows.fingerprint import key_of
from daemon.dedup import signatures, wording
from daemon.dedup.boilerplate import Boilerplate
from daemon.dedup.courtesy import bare
from daemon.dedup.meaning import FILLERS, folded
from daemon.dedup.numbers import hash64
from daemon.dedup.questions import context_of, parts_of
from daemon.folders.queue.fingerprints import KEY, Keys

_SPREAD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class ComparedText:
    """What is compared of one example, before it is turned into numbers."""

    key: bytes
    words: list[str]
    """Of the user's last turn, courtesy aside."""
    turn: str
    """That turn, case and blanks aside."""
    context: int
    """What stands before it; 0 for nothing."""
    answer: str


def question_of(example: Example, key: bytes | None = None) -> ComparedText:
    """Return what is compared of an example; its key need not be made twice."""
    parts = parts_of(example)
    words = wording.split(parts.turn)
    turn = folded(" ".join(words))
    return ComparedText(
        key or key_of(example), _own(parts.turn, words), turn, context_of(parts), parts.answer
    )


def own_words(example: Example) -> list[str]:
    """Return the words that the user's last turn is compared by."""
    turn = parts_of(example).turn
    return _own(turn, wording.split(turn))


def _own(turn: str, words: list[str]) -> list[str]:
    """Return the words of a turn without courtesy, by which likely repetitions are found."""
    found = bare(turn)
    own = wording.split(found.text) if found.text != turn else words
    if found.indirect and own[:1] in (["if"], ["whether"]):
        own = own[1:]
    return own if FILLERS.isdisjoint(own) else [word for word in own if word not in FILLERS]


def answers_of(example: Example) -> str:
    """Return what the model says at the end; empty for plain text, which is all question."""
    return parts_of(example).answer


class Sealer:
    """Turns questions into keys; remembers words."""

    def __init__(self) -> None:
        self.words = wording.Words()

    def keys(
        self, questions: Sequence[ComparedText], boilerplate: Boilerplate | None = None
    ) -> Keys:
        """Return keys with rows, lines and offsets still 0.

        With boilerplate, signatures are of what is left without it; the content hash is always of
        the whole turn. Questions in different contexts never meet.
        """
        contents = [wording.content_of(item.words, self.words) for item in questions]
        keys = np.zeros(len(questions), KEY)
        ends = [item.key for item in questions]
        keys["hi"] = [int.from_bytes(key[:8], "big") for key in ends]
        keys["lo"] = [int.from_bytes(key[8:], "big") for key in ends]
        keys["content"] = [hash64(text) for text in contents]
        keys["length"] = [len(text) for text in contents]
        keys["answer"] = [hash64(" ".join(item.answer.split())) for item in questions]
        keys["question"] = [hash64(item.turn) for item in questions]
        own = contents
        if boilerplate:
            own = [
                wording.content_of(boilerplate.without(item.words), self.words) or content
                for item, content in zip(questions, contents, strict=True)
            ]
        hards = [hash64(hard) if (hard := wording.hard_part(text)) else 0 for text in own]
        if questions:
            keys["bands_v2"] = signatures.bands(own, np.array(hards, np.uint64))
        keys["context"] = [context_key(item.context) for item in questions]
        turn_context(keys)
        return keys

    def wording(self, example: Example) -> wording.Wording:
        """Return the wording of all that a user says in an example, to compare it with suites."""
        return wording.read(wording.split(wording.users_words(example)), self.words)


def context_key(context: int) -> int:
    """Return 32 bits of a context; 0 for none."""
    return (context ^ context >> 32) & 0xFFFFFFFF


def turn_context(keys: Keys) -> None:
    """Put the contexts of questions into what they are found by, or take them out again."""
    context = keys["context"]
    wide = context * _SPREAD
    keys["content"] ^= wide
    keys["question"] ^= wide
    keys["bands_v2"] ^= context[:, None]


def exam_keys(
    sealer: Sealer, questions: Sequence[ComparedText], boilerplate: Boilerplate | None = None
) -> Keys:
    """Return keys of exam rows: with boilerplate each row twice, with it and without.

    Whether a phrase is boilerplate depends on the file a row comes in; an exam must be recognised
    in every file.
    """
    whole = sealer.keys(questions)
    return np.concatenate([whole, sealer.keys(questions, boilerplate)]) if boilerplate else whole


def exact_only(keys: Keys, rows: npt.NDArray[np.bool_]) -> None:
    """Change the keys of some rows so that only a row equal to them in everything is found."""
    keys["content"][rows] = keys["question"][rows] = keys["hi"][rows]
    keys["length"][rows] = 2**32 - 1
