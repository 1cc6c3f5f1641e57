"""The HTTP API as clients write it: fields, unknown fields, error sentences, paths."""
