"""Jobs, versions, bases and orders as values."""
