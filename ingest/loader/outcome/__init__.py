"""What the loader is given and what it returns: source, target, counts, rejects, errors."""
