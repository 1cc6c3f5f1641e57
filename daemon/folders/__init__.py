"""One module for each folder on disk, its only writer; `atomic` does every durable write."""
