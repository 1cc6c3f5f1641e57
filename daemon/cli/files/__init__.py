"""Looks at data files: what intake would make of them, what they cost, how they get on."""
