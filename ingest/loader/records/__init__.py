"""A file cut into records, each one well formed or rejected."""
