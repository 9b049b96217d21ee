"""Datasets: how files are routed to them, who may load into them, pins, manual changes, table sizes."""
