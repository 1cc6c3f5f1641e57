"""Makes the keys of rows: what is compared of an example, in numbers. Knows no other row."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from daemon.core.rows.examples import Chat, Example, answer_of
from daemon.core.rows.fingerprint import key_of
from daemon.dedup import signatures, wording
from daemon.dedup.boilerplate import Boilerplate
from daemon.dedup.numbers import hash64
from daemon.folders.queue.fingerprints import KEY, Keys


@dataclass(frozen=True, slots=True)
class Question:
    """What is compared of one example, before it is turned into numbers."""

    key: bytes
    words: list[str]
    answer: str


def question_of(example: Example, key: bytes | None = None) -> Question:
    """Return what is compared of an example; its key need not be made twice."""
    words = wording.split(wording.users_words(example))
    return Question(key or key_of(example), words, answers_of(example))


def answers_of(example: Example) -> str:
    """Return all that the model says in an example; empty for plain text, which is all question."""
    if not isinstance(example, Chat):
        return ""
    answers = [turn for turn in example.turns if turn.role == "assistant"]
    return "\n".join(answer_of(Chat((turn,))) for turn in answers)


def is_lone(example: Example) -> bool:
    """Return whether nothing but the question stands before the answer."""
    return not isinstance(example, Chat) or sum(t.role == "user" for t in example.turns) <= 1


class Sealer:
    """Turns questions into keys; remembers words."""

    def __init__(self) -> None:
        self.words = wording.Words()

    def keys(self, questions: Sequence[Question], boilerplate: Boilerplate | None = None) -> Keys:
        """Return keys with rows, lines and offsets still 0.

        With boilerplate, signatures are of what is left without it; the content hash is always of
        the whole question.
        """
        contents = [wording.content_of(item.words, self.words) for item in questions]
        keys = np.zeros(len(questions), KEY)
        ends = [item.key for item in questions]
        keys["hi"] = [int.from_bytes(key[:8], "big") for key in ends]
        keys["lo"] = [int.from_bytes(key[8:], "big") for key in ends]
        keys["content"] = [hash64(text) for text in contents]
        keys["length"] = [len(text) for text in contents]
        keys["answer"] = [hash64(" ".join(item.answer.split())) for item in questions]
        own = contents
        if boilerplate:
            own = [
                wording.content_of(boilerplate.without(item.words), self.words) or content
                for item, content in zip(questions, contents, strict=True)
            ]
        hards = [hash64(hard) if (hard := wording.hard_part(text)) else 0 for text in own]
        if questions:
            keys["bands_v1"] = signatures.bands(own, np.array(hards, np.uint64))
        return keys

    def wording(self, example: Example) -> wording.Wording:
        """Return the wording of an example's question, for a comparison by text."""
        return wording.read(wording.split(wording.users_words(example)), self.words)


def exam_keys(
    sealer: Sealer, questions: Sequence[Question], boilerplate: Boilerplate | None = None
) -> Keys:
    """Return keys of exam rows: with boilerplate each row twice, with it and without.

    Whether a phrase is boilerplate depends on the file a row comes in; an exam must be recognised
    in every file.
    """
    whole = sealer.keys(questions)
    return np.concatenate([whole, sealer.keys(questions, boilerplate)]) if boilerplate else whole


def exact_only(keys: Keys, rows: npt.NDArray[np.bool_]) -> None:
    """Change the keys of some rows so that only a row equal to them in everything is found."""
    keys["content"][rows] = keys["hi"][rows]
    keys["length"][rows] = 2**32 - 1
