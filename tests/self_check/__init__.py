"""The self-check: what it says of a good machine, and of one with a defect put into it."""
