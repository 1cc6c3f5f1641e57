"""The status document, its JSON schema, and the rows of the ledger."""
