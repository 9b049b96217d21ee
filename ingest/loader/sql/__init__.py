"""Every SQL text of the loader, as composed objects: pure functions that hold no connection."""
