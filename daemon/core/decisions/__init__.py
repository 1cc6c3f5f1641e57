"""Pure decisions: from a snapshot of the workspace to the next actions."""
