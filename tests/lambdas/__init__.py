"""The real zip under the real Lambda runtime client."""
