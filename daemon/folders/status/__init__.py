"""`status/` and `logs/`: written for people, never read back."""
