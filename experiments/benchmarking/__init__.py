"""Measure taggers against each other."""
