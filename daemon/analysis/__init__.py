"""Analysis of data files and learning curves: quality, secrets, statistics, reports."""
