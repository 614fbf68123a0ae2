"""Finished taggers in the forms that other programs run."""
