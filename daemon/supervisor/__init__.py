"""The supervisor: one thread that observes, decides, performs and publishes."""
