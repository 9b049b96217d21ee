"""How files are read: ours beside CleverCSV, DuckDB's sniffer and Python's, on files whose truth is known."""
