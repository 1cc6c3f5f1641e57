"""Write a training file of syllable puzzles; none has a word of a suite in `evals/`, or a relative.

    python examples/make_syllables.py --level easy --rows 500 -o syllables-500.jsonl

Needs nothing but Python: the words are in `words/syllables.tsv` beside this script, one a line:
level, syllables, definition. Rows are alike for one seed; each word is used once.
"""

import argparse
import json
import random
import sys
from pathlib import Path

WORDS = Path(__file__).resolve().parent / "words" / "syllables.tsv"
LEVELS = ("easy", "medium", "hard")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--level", choices=(*LEVELS, "all"), default="all")
    parser.add_argument("--rows", type=int, default=500, help="how many (500)")
    parser.add_argument("--seed", type=int, default=1, help="of the choice and the order (1)")
    parser.add_argument("-o", "--output", type=Path, required=True, help="a file to be made")
    given = parser.parse_args()
    try:
        lines = rows(given.level, given.rows, given.seed)
        with given.output.open("x", encoding="utf-8") as file:
            file.writelines(lines)
    except ValueError as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"{given.output} cannot be made: {error.strerror}")
    sys.stdout.write(f"{len(lines)} rows in {given.output}\n")


def rows(level: str, count: int, seed: int) -> list[str]:
    """Return the lines of a training file.

    Raises:
        ValueError: there are not so many words.
    """
    found = [line.split("\t") for line in WORDS.read_text(encoding="utf-8").splitlines()]
    fit = [line for line in found if level in ("all", line[0])]
    if not 1 <= count <= len(fit):
        raise ValueError(f"--rows is {count}: there are 1 to {len(fit)} words of the level {level}")
    order = random.Random(seed)
    return [
        _row(syllables.split("/"), clue, order) for _, syllables, clue in order.sample(fit, count)
    ]


def _row(syllables: list[str], clue: str, order: random.Random) -> str:
    tiles = list(syllables)
    while tiles == syllables:
        order.shuffle(tiles)
    prompt = f"Clue: {clue}\nSyllables: {' / '.join(tiles)}\nWhich word is it?"
    return json.dumps({"prompt": prompt, "completion": "".join(syllables)}) + "\n"


if __name__ == "__main__":
    main()
