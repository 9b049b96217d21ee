"""Django's PostgreSQL engine, with user and password out of Secrets Manager."""
