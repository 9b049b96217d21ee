"""What a dataset is and how its files find it: routing, permission, pins, manual changes, table sizes."""
