"""Has this been asked before? Near-equal questions, within a file and across jobs; no model."""
