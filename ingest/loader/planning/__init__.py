"""What a run will do: column types, keys, rejections, safeguards; pure."""
