"""`models/` and `current_model`: versions, bases, what worked on this machine."""
