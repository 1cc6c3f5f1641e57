"""Chat with a version: through the running server, or loaded in this process."""
