"""One row of training data: its forms, its fingerprint, its side of the hold-out."""
