"""HTML and Markdown reports: templates, rendering, and the style of the pages."""
