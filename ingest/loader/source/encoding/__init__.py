"""The encoding of a file: detected, named, converted to UTF-8."""
