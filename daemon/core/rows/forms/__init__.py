"""Forms of rows, and what their keys mean: from a parsed row to an example."""
