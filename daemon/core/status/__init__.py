"""The status document, its schema, and the rows of the ledger."""
