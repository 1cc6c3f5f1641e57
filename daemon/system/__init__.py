"""What the operating system reports about a process and the machine, without MLX."""
