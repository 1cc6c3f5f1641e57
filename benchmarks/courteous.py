"""Makes repetitions of real questions: a preference set gives two independent answers to each.

The better answer stands under the question as it was asked, the other one under the same question
in other words of courtesy: so real people ask one thing twice, and two hands answer.
"""

import json
import random
from pathlib import Path

from benchmarks.planted import courteous
from daemon.core.rows.examples import Chat, Turn


def preference_rows(path: Path, seed: int) -> list[Chat]:
    """Return two rows for each item of a preference set with one question each.

    Of item n row 2n is the question with the better answer, row 2n + 1 the same in courtesy.
    """
    rng = random.Random(seed)
    rows: list[Chat] = []
    for item in json.loads(path.read_text(encoding="utf-8")):
        turns = [turn["value"] for turn in item["conversations"]]
        asked = turns[-1].strip()
        rows.append(_row(asked, item["chosen"]["value"]))
        rows.append(_row(courteous(asked, rng), item["rejected"]["value"]))
    return rows


def _row(asked: str, answer: str) -> Chat:
    return Chat((Turn("user", asked), Turn("assistant", answer)))
