"""Summarize dialogues with language models and baselines, and score summaries."""
