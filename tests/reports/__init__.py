"""Templates of reports: escaping, completeness, cost."""
