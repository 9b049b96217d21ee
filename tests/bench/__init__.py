"""How fast and how small the loader is, against what a person would do by hand on the same server (`make bench`)."""
