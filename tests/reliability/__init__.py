"""The promises of docs/reliability.md, and what tries to break them."""
