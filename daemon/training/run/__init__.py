"""One run from its first choices to its last checkpoint: freeze, steps, evaluations, commits."""
