"""A source file, fetched and read up to its header: decompressed, decoded, its format and dialect detected."""
