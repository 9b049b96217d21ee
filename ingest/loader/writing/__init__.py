"""What a run does in PostgreSQL: DDL, COPY, match, merge, before-images."""
