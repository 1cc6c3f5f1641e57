"""The run: freeze, plan, step, checkpoints, judging. A worker process of its own."""
