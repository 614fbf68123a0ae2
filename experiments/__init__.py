"""Runs: configurations, the scripts and the ``finkd`` command."""
