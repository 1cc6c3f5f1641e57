"""Write the three syllable suites, and the words that are free for training, from a puzzle set.

The source is a JSONL file of puzzles, `{"word", "syllables", "definition", "level", "pos"}`; what
ships was made from 5,422 of them (NOTICE). No word of `examples/syllables.jsonl`, and none of the
same family, becomes an item; no word of the family of an item, and none with the same definition,
becomes free. `examples/make_syllables.py` makes training files of the free words.
"""

import argparse
import json
import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TRAINED = HERE.parent / "examples" / "syllables.jsonl"
FREE = HERE.parent / "examples" / "words" / "syllables.tsv"
SEED = 20261121
ITEMS = 100
LEVELS = ("easy", "medium", "hard")
LICENCE = "CC BY-SA 4.0"
ORIGIN = (
    "definitions: WordNet 3.0; syllables: Wikimorph/Wiktionary (CC BY-SA) and Webster 1913; "
    "frequencies: wordfreq (CC BY-SA)"
)
BEFORE = (
    "counter",
    "under",
    "inter",
    "super",
    "trans",
    "over",
    "anti",
    "fore",
    "semi",
    "self",
    "out",
    "non",
    "mis",
    "dis",
    "pre",
    "pro",
    "con",
    "com",
    "un",
    "in",
    "im",
    "il",
    "ir",
    "re",
    "de",
    "en",
    "em",
    "ex",
    "ab",
    "ad",
    "co",
    "up",
)
AFTER = re.compile(
    r"(ations?|itions?|ings?|ments?|ness|ers?|ors?|ly|ity|able|ible|ies|is|ed|es|s|al|ous|ive|ic|"
    r"ions?|ism|ist|ful|less|y|e)$"
)
STEM = 5
"""Letters that two words of a family share at the begin, with or without a prefix."""
CRUDE = re.compile(
    r"\b(sex\w*|vulgar|obscen\w*|offensive\w*|slur|disparag\w*|derogat\w*|ethnic|prostitut\w*|"
    r"genital\w*|copulat\w*|coitus|breasts?|buttocks|urin\w*|feces|excrement|incest|murder\w*|"
    r"suicid\w*|slaves?|nazis?|torture)\b",
    re.IGNORECASE,
)
UNFIT = frozenset(
    [
        "abortionist",
        "bastard",
        "concubine",
        "erotic",
        "hooker",
        "idiot",
        "idiotic",
        "moron",
        "orgasm",
        "penis",
        "pornographic",
        "prostitute",
        "rapist",
        "rectum",
        "retardation",
        "savage",
        "semen",
        "slaughter",
        "testicle",
        "vagina",
        "whore",
    ]
)
"""Words nobody wants to be asked for."""

Puzzle = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("source", type=Path, help="the puzzles, a JSONL file")
    source: Path = parser.parse_args().source
    puzzles = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    chosen = choose(puzzles)
    for level in LEVELS:
        write_suite(level, [puzzle for puzzle in chosen if puzzle["level"] == level])
    write_free(puzzles, chosen)


def stems(word: str) -> frozenset[str]:
    """Return what a word's family is known by; generous, so that no relative is missed."""
    lower = word.lower()
    bare = {lower[len(prefix) :] for prefix in BEFORE if lower.startswith(prefix)}
    parts = {part for part in (lower, *bare) if len(part) >= 4 or part == lower}
    # The mark keeps "box-", what boxing and boxer share, apart from the begin of other words.
    without = {f"{AFTER.sub('', part)}-" for part in parts}
    return frozenset(part[:STEM] for part in parts) | without


def families(words: Iterable[str]) -> frozenset[str]:
    """Return the stems of some words, and the begins of those that are shorter than a stem."""
    return frozenset(stem for word in words for stem in stems(word))


def related(word: str, known: frozenset[str]) -> bool:
    """Return whether a word is of a family that is known."""
    mine = stems(word)
    if mine & known:
        return True
    # "act" and "action": a stem that is a whole short word.
    begins = {stem[:length] for stem in mine for length in (3, 4) if len(stem) > length}
    return bool(begins & known) or any(
        other.startswith(stem) for stem in mine if len(stem) < STEM for other in known
    )


def choose(puzzles: list[Puzzle]) -> list[Puzzle]:
    """Return the items of all levels, the same ones each time."""
    trained = [json.loads(line)["completion"] for line in TRAINED.read_text().splitlines()]
    known = families(trained)
    chosen: list[Puzzle] = []
    for level in LEVELS:
        fit = [p for p in puzzles if p["level"] == level and fits(p)]
        random.Random(f"{SEED} {level}").shuffle(fit)
        count = 0
        for puzzle in fit:
            if count < ITEMS and not related(puzzle["word"], known):
                known |= stems(puzzle["word"])
                chosen.append(puzzle)
                count += 1
        if count < ITEMS:
            raise SystemExit(f"only {count} {level} puzzles are of a family of their own")
    return chosen


def fits(puzzle: Puzzle) -> bool:
    """Return whether a puzzle is fair: it can be scrambled and its clue does not say the word."""
    clue, word = puzzle["definition"], puzzle["word"]
    said = re.findall(r"[a-z]+", clue.lower())
    return (
        word.isascii()
        and word.isalpha()
        and word.islower()
        and word not in UNFIT
        and len(set(puzzle["syllables"])) > 1
        and "".join(puzzle["syllables"]) == word
        and 3 <= len(said) <= 24
        and not any(part[:4] == word[:4] for part in said if len(part) > 3)
        and not CRUDE.search(clue)
    )


def scrambled(syllables: list[str], order: random.Random) -> list[str]:
    """Return syllables in another order than that of the word."""
    tiles = list(syllables)
    while tiles == syllables:
        order.shuffle(tiles)
    return tiles


def question(definition: str, tiles: list[str]) -> str:
    return f"Clue: {definition}\nSyllables: {' / '.join(tiles)}\nWhich word is it?"


def write_suite(level: str, chosen: list[Puzzle]) -> None:
    name = f"syllo_{level}_{ITEMS}"
    order = random.Random(f"{SEED} tiles {level}")
    header = {
        "suite": name,
        "title": f"Syllable puzzles, {level}",
        "task": "find the word of a clue and its scrambled syllables",
        "scorer": "exact",
        "answer_field": "answers",
        "difficulty": level,
        "licence": LICENCE,
        "origin": ORIGIN,
        "max_tokens": 16,
    }
    rows = [
        {
            "id": f"{level}-{number:03d}",
            "prompt": question(puzzle["definition"], scrambled(puzzle["syllables"], order)),
            "answers": [puzzle["word"]],
        }
        for number, puzzle in enumerate(chosen, 1)
    ]
    lines = [json.dumps(row, ensure_ascii=False) for row in (header, *rows)]
    (HERE / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def free(puzzles: list[Puzzle], chosen: list[Puzzle]) -> Iterator[Puzzle]:
    """Give the puzzles that have nothing to do with any item."""
    known = families(puzzle["word"] for puzzle in chosen)
    clues = {puzzle["definition"] for puzzle in chosen}
    for puzzle in sorted(puzzles, key=lambda puzzle: str(puzzle["word"])):
        fair = fits(puzzle) and puzzle["definition"] not in clues
        if fair and not related(puzzle["word"], known):
            yield puzzle


def write_free(puzzles: list[Puzzle], chosen: list[Puzzle]) -> None:
    lines = [
        f"{puzzle['level']}\t{'/'.join(puzzle['syllables'])}\t{puzzle['definition']}\n"
        for puzzle in free(puzzles, chosen)
    ]
    FREE.parent.mkdir(exist_ok=True)
    FREE.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
