"""The lower rooms that know MLX: BLAS, base models, adapters, generation."""
