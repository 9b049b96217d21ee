"""Where a table begins in a file: its header, titles above it, other tables below it."""
