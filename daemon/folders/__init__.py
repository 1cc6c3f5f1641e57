"""One module for each folder on disk; nobody else touches it. `atomic` owns every durable write."""
