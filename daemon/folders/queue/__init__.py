"""`queue/`: jobs and what lies in their directories."""
