"""Work ordered by hand of the trainer: evaluations, audits, sweeps and reproductions."""
