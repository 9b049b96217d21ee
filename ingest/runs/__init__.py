"""The life of a run: received, claimed, executed, completed; retried, approved, undone."""
