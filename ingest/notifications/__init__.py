"""Incidents, and the messages about them on each notification channel."""
