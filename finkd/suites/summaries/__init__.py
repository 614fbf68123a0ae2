"""Summaries of dialogues: models that write them, baselines that need no weights, and how they are scored."""
