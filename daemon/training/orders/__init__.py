"""Work that users order from the trainer: evaluations, audits, sweeps and reproductions."""
