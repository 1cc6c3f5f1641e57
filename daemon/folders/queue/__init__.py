"""`queue/`: jobs and the files in their directories."""
