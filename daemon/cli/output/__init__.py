"""Terminal output: tables, pages, JSON."""
