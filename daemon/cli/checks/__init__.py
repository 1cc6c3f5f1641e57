"""The checks of `doctor`, and the service managers."""
