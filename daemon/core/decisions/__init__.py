"""What a tick decides: a snapshot of the disk in, the next actions out."""
