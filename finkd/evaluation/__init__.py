"""Score predictions, and score baselines that need no model."""
