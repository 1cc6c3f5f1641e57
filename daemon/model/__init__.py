"""Models on MLX: BLAS, base models, adapters, generation."""
