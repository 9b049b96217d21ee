"""The same file on the same server by what a user would pick instead of the loader (`make bench-peers`)."""
