"""What all folders share: durable writes, listings, locks, ends of lines."""
