"""The rows of a run: which may be trained, replayed or put on the exam, and their batches."""
