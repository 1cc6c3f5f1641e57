"""The server: answers over HTTP, and the dashboard; reads the workspace and changes nothing."""
