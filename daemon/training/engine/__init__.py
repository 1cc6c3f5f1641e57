"""Computes steps, losses and answers: the engine protocol, its implementation on MLX, a stub."""
