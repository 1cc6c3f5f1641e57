"""Chat templates, tokens and masks; never MLX."""
