"""The forms of rows that people have, and what their keys mean: from a parsed row to an example."""
