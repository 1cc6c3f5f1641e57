"""HTML and Markdown reports: the templates, what renders them, and the style of the pages."""
