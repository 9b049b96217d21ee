"""A file becomes a table: no framework in here, only numpy, DuckDB and psycopg2."""
