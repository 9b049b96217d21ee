"""The Pollock benchmark: polluted CSV files, loaded by us and by readers that need no hints, by its own scorer."""
