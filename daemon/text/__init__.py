"""Chat templates, tokens and loss masks."""
