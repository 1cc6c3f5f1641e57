"""The trainer process: runs from their frozen choices to a judged candidate, and orders."""
