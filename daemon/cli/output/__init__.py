"""What commands print: tables, pages, facts as JSON."""
