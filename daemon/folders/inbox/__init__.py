"""`inbox/`: dropped files, until they are taken in."""
