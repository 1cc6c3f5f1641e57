"""The arithmetic of a run: plan, packing, schedule, memory, fallbacks, early stopping."""
