"""Evaluate models on general tasks, outside their domain."""
