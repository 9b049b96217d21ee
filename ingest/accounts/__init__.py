"""User accounts: login limits and password resets."""
