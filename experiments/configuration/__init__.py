"""Experiment configurations: read YAML, check it, apply overrides and budgets."""
