"""The rows of a run, as numbers, texts and batches; which may be trained, replayed, examined."""
