"""What `doctor` looks at, and the service managers."""
