"""Reports as intake writes them, for the tests of pages and pictures."""

import json
from pathlib import Path
from typing import Any

from daemon.analysis.statistics import Statistics
from daemon.core.rows.examples import Example, from_record

EVIL = "<img src=x onerror=alert(1)></script><script>alert(2)</script>&amp;"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def smart_home() -> list[Example]:
    """Return the rows of a shipped file."""
    lines = (EXAMPLES / "smart_home.jsonl").read_text(encoding="utf-8").splitlines()
    return [from_record({"messages": json.loads(line)["messages"]}) for line in lines]


def accepted() -> dict[str, Any]:
    """Return an accepted file's report in which every foreign text is hostile."""
    statistics, rows = Statistics(), smart_home()
    statistics.add(rows, [40 + n % 90 for n in range(len(rows))], [20] * len(rows))
    return {
        "name": EVIL,
        "job": "j1",
        "verdict": "accepted",
        "message": EVIL,
        "hint": EVIL,
        "rows": {"read": 800, "train": 757, "holdout": 0, "rejected": 3, "duplicate_in_file": 40},
        "formats": {"messages": 800},
        "reasons": [
            {
                "code": "not_json",
                "count": 3,
                "hint": EVIL,
                "examples": [
                    {"line": 17, "offset": 9, "column": 4, "excerpt": EVIL, "message": EVIL}
                ],
            },
            {"code": "duplicate_in_file", "count": 40, "hint": "nothing to do", "examples": []},
        ],
        "duplicates": {
            "in_file": {"exact": 40, "wording": 0, "spelling": 0},
            "boilerplate": [EVIL],
            "conflicts": {
                "count": 1,
                "policy": "keep",
                "examples": [
                    {
                        "line": 5,
                        "of": {"job": None, "line": 2},
                        "prompt": EVIL,
                        "answer": EVIL,
                        "other": EVIL,
                    }
                ],
            },
        },
        "tokens": {"train": 9000, "supervised": 4000, "longest": 129, "limit": 100},
        "statistics": statistics.as_record(),
        "warnings": [EVIL],
        "quality": {"histogram": [0] * 18 + [300, 457], "mean": 0.95},
    }
