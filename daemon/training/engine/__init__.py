"""Computes steps, losses and answers: the engine on MLX, its stub, and what both must do."""
