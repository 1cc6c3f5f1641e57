"""The HTTP server: inference over versions, and what watches the daemon. A process of its own."""
