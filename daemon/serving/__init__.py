"""The HTTP server, a process of its own: inference with any version, the dashboard and metrics."""
