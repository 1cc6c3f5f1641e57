"""Small suites for tests."""

from daemon.core.evaluation.suites import ScorerName, Suite, SuiteItem
from daemon.core.rows.examples import Turn


def suite(name: str, *ids: str, scorer: ScorerName = "exact") -> Suite:
    """Return a suite whose items ask for their own id."""
    items = tuple(
        SuiteItem(one, line, (Turn("user", f"say {one}"),), (one,))
        for line, one in enumerate(ids, 2)
    )
    return Suite(name, name, "", scorer, "answers", "medium", "own", "own", 16, items, "0" * 64)
