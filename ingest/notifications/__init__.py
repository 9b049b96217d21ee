"""Incidents, and the messages about them by e-mail, webhook and SNS."""
