"""What the system tells of a process and of the machine; never MLX."""
