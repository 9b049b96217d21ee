"""The supply chain: what is locked, what is deployed, and what is known of it."""
