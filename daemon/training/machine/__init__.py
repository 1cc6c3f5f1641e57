"""Fits the work to this machine: memory, heat, the display, what worked before."""
