"""The column types: their grammar, their values, their order."""
