"""Names the sets of held-out rows and suites that a candidate is judged on, as people read them."""

OWN, EARLIER = "own_holdout", "earlier_holdout"
LINEAGE = "lineage_holdout"
"""The only hold-out of an audit."""
TITLES = {
    OWN: "this run's held-out rows",
    EARLIER: "earlier files' held-out rows",
    LINEAGE: "the lineage's held-out rows",
}


def set_title(name: str) -> str:
    """Return what people read of a set; a suite has its own name."""
    return TITLES.get(name, name)
