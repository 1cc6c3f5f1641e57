"""Reads dropped files into training and hold-out rows; runs in a worker process of its own."""
