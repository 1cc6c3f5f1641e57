"""`inbox/`: dropped files until they become jobs, and what is written to them afterwards."""
