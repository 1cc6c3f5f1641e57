"""A dropped file becomes examples, or reasons. A worker process of its own."""
