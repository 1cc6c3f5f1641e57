"""`models/runs/`: the directory of a run."""
