"""One row of training data: its forms, its key, its side of the hold-out."""
