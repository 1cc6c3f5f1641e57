"""Makes requests of what a user names, and places them with the daemon."""
