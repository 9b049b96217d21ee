"""Rejected rows: stored, and exported as a CSV file that can be corrected and uploaded again."""
